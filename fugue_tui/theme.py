"""Our palettes as Textual's themes. No I/O."""

from __future__ import annotations

from textual.theme import Theme

from fugue_tui.palette import ANSI, DARK, LIGHT, Palette, css_colour

PALETTES = {palette.name: palette for palette in (DARK, LIGHT, ANSI)}
"""In the order in which a key goes through them."""
NATIVE = {
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "block-cursor-foreground": "ansi_black",
    "block-cursor-background": "ansi_cyan",
    "input-cursor-background": "ansi_default",
    "input-cursor-foreground": "ansi_default",
    "input-cursor-text-style": "reverse",
    "input-selection-background": "ansi_cyan",
    "input-selection-foreground": "ansi_black",
    "screen-selection-background": "ansi_cyan",
    "screen-selection-foreground": "ansi_black",
}
"""What Textual's own widgets want to know in a theme of the terminal's colours."""


def theme_of(palette: Palette) -> Theme:
    """Return Textual's theme for a palette; the style sheet uses its variables."""
    return Theme(
        name=palette.name,
        primary=css_colour(palette.accent),
        secondary=css_colour(palette.accent),
        accent=css_colour(palette.accent),
        foreground=css_colour(palette.text),
        background=css_colour(palette.pane),
        surface=css_colour(palette.sidebar),
        panel=css_colour(palette.raised),
        success=css_colour(palette.ok),
        warning=css_colour(palette.wait),
        error=css_colour(palette.bad),
        dark=palette.is_dark,
        ansi=palette.is_ansi,
        variables=variables_of(palette),
    )


def variables_of(palette: Palette) -> dict[str, str]:
    """Return the colours by the names that the style sheet uses."""
    colours = {
        "pane": palette.pane,
        "sidebar": palette.sidebar,
        "raised": palette.raised,
        "cursor-row": palette.cursor,
        "rule": palette.rule,
        "strong-ink": palette.strong,
        "text-ink": palette.text,
        "muted-ink": palette.muted,
        "faint-ink": palette.faint,
        "ghost-ink": palette.ghost,
        "accent-ink": palette.accent,
        "accent-fill": palette.accent_fill,
        "on-accent": palette.on_accent,
        "ok-ink": palette.ok,
        "wait-ink": palette.wait,
        "bad-ink": palette.bad,
        "bad-fill": palette.bad_fill,
    }
    variables = {name: css_colour(colour) for name, colour in colours.items()}
    return {**variables, **NATIVE} if palette.is_ansi else variables


def next_palette(name: str) -> Palette:
    """Return the palette that follows the one of this name."""
    names = list(PALETTES)
    place = names.index(name) if name in PALETTES else -1
    return PALETTES[names[(place + 1) % len(names)]]
