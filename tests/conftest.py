"""What every test gets: how hypothesis searches.

`ci`, the default, tries the same cases each time. `HYPOTHESIS_PROFILE=explore make test` looks for new ones.
No deadline: the machine may be busy with other things.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile(
    "explore", max_examples=2000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
