"""What every test gets: how hypothesis searches, and a hangup that is not ignored.

`ci`, the default, tries the same cases each time. `HYPOTHESIS_PROFILE=explore make test` looks for new ones.
No deadline: the machine may be busy with other things.
"""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile(
    "explore", max_examples=2000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""Under `nohup` it is ignored, by all that is started in a test as well, and that goes on being so by design."""
