"""A bundle as a picture: from a customer's message by way of the playbooks and their tools to how it ends.

Two shapes with one content: wide, read from side to side, and narrow, read from top to bottom, for phones.
"""

from firstline.bundle import Bundle
from firstline.drawing.bundle_narrow import NARROW, draw_narrow
from firstline.drawing.bundle_wide import WIDE, draw_wide
from firstline.drawing.chips import draw_legend
from firstline.drawing.plan import all_means, plan_bundle, story_of
from firstline.drawing.svg import Plane, finish
from firstline.drawing.words import say
from firstline.language import right_to_left
from firstline.types import Locale, choose_text


def draw_bundle(bundle: Bundle, locale: Locale, *, narrow: bool = False) -> str:
    """SVG, 1040 pixels wide by itself, or 300 when `narrow`; it runs from the right where the language does."""
    groups = plan_bundle(bundle, locale)
    plane = Plane(NARROW if narrow else WIDE, mirrored=right_to_left(locale))
    marks, height = draw_narrow(plane, groups, locale) if narrow else draw_wide(plane, groups, locale)
    means = tuple(all_means(groups).values())
    legend, legend_height = draw_legend(plane, means, locale, x=1, y=height + 24)
    return finish(
        plane,
        height + 24 + legend_height,
        [*marks, *legend],
        title=say("flow", locale, business=choose_text(bundle.business, locale)),
        story=story_of(groups, locale),
        look="d-flow-narrow" if narrow else "d-flow-wide",
        locale=locale,
    )


def draw_bundle_for_page(bundle: Bundle, locale: Locale) -> str:
    """HTML with both shapes, of which drawing.css shows the one for which there is room."""
    shapes = (draw_bundle(bundle, locale, narrow=narrow) for narrow in (False, True))
    return f'<div class="drawing-both">{"".join(shapes)}</div>'
