"""An empty presentation in the look of ``_brand.yml``: theme, master and three layouts, 16:9."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

from lxml import etree
from pptx import Presentation
from pptx.opc.constants import RELATIONSHIP_TYPE as RT
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, nsuri, qn
from pptx.util import Pt

from boardpack.brand import Brand
from boardpack.render.slides.drawing import THEME
from boardpack.render.slides.measures import (
    BODY,
    HEIGHT,
    MARGIN,
    TITLE_SIZE,
    WIDTH,
    Box,
)

#: The layouts that are kept of python-pptx's own, by what they are for here.
LAYOUTS = {"cover": 0, "words": 1, "content": 5}
#: Numbers of the placeholders that every slide fills.
KICKER, FOOT, NUMBER = 13, 11, 12

#: The upper part of the cover, in the colour of the text.
COVER_PART = 330.0
COVER = Box(MARGIN + 8, 120, 800, 130)
FACTS = Box(MARGIN + 8, COVER_PART + 26, 800, 120)
TITLE = Box(MARGIN, 40, WIDTH - 2 * MARGIN, 56)
SECTION = Box(MARGIN, 22, 640, 20)
FOOTER = Box(MARGIN, 508, 740, 20)
PAGE = Box(WIDTH - MARGIN - 90, 508, 90, 20)

_NAMES = nsdecls("a", "p", "r")
#: What a reader without the brand's font gets: the nearest sans serif that is there.
_PANOSE = "020B0503030403020204"


def blank(brand: Brand, language: str) -> Any:
    """A presentation without slides, in the brand's colours and font."""
    presentation = Presentation()
    presentation.slide_width, presentation.slide_height = Pt(WIDTH), Pt(HEIGHT)
    layouts = presentation.slide_layouts
    kept = {name: layouts[index] for name, index in LAYOUTS.items()}
    for layout in list(layouts):
        if layout not in kept.values():
            layouts.remove(layout)
    master = presentation.slide_master
    _theme(master.part.part_related_by(RT.THEME), brand)
    _master(master, language)
    ids = {"cover": "Cover", "words": "Title and text", "content": "Title only"}
    for name, layout in kept.items():
        layout.name = ids[name]
        _shapes(layout, _LAYOUT_SHAPES[name], language)
    return presentation


def layout_of(presentation: Any, name: str) -> Any:
    """One of the three layouts: ``cover``, ``words`` or ``content``."""
    return presentation.slide_layouts[list(LAYOUTS).index(name)]


def _theme(part: Any, brand: Brand) -> None:
    root = etree.fromstring(part.blob)
    space = {"a": nsuri("a")}
    root.set("name", "Boardpack")
    scheme = root.find(".//a:clrScheme", space)
    scheme.set("name", "Boardpack")
    hues = {slot: brand.colors[name] for name, slot in THEME.items()}
    hues |= {"hlink": brand.colors["accent"], "folHlink": brand.colors["accent"]}
    for entry in scheme:
        slot = etree.QName(entry).localname
        for old in list(entry):
            entry.remove(old)
        etree.SubElement(entry, f"{{{space['a']}}}srgbClr", val=hues[slot].lstrip("#").upper())
    fonts = root.find(".//a:fontScheme", space)
    fonts.set("name", "Boardpack")
    for latin in fonts.iterfind(".//a:latin", space):
        latin.set("typeface", brand.family)
        latin.set("panose", _PANOSE)
    part._blob = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def _master(master: Any, language: str) -> None:
    _shapes(
        master,
        _placeholder(2, "Title", "title", TITLE, 'type="title"', anchor="t")
        + _placeholder(3, "Text", "body", BODY, 'type="body" idx="1"', anchor="t")
        + _foot(),
        language,
    )
    styles = master._element.find(qn("p:txStyles"))
    styles.getparent().replace(styles, parse_xml(_STYLES))


def _shapes(target: Any, shapes: str, language: str) -> None:
    tree = target.shapes._spTree
    for shape in list(tree)[2:]:
        tree.remove(shape)
    holder = parse_xml(f"<p:spTree {_NAMES}>{shapes.replace('%LANG%', language)}</p:spTree>")
    for shape in list(holder):
        tree.append(shape)


def _placeholder(
    id_: int, name: str, prompt: str, box: Box, kind: str, *, anchor: str, look: str = "",
    text: str = "",
) -> str:  # fmt: skip
    style = f"<a:lstStyle>{look}</a:lstStyle>" if look else "<a:lstStyle/>"
    said = text or f"<a:r><a:rPr lang={quoteattr('%LANG%')}/><a:t>{escape(prompt)}</a:t></a:r>"
    x, y, width, height = (int(Pt(v)) for v in (box.x, box.y, box.width, box.height))
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{id_}" name="{name}"/>'
        f'<p:cNvSpPr><a:spLocks noGrp="1"/></p:cNvSpPr><p:nvPr><p:ph {kind}/></p:nvPr></p:nvSpPr>'
        f'<p:spPr><a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="{width}" cy="{height}"/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr>'
        f'<p:txBody><a:bodyPr lIns="0" rIns="0" tIns="0" bIns="0" anchor="{anchor}">'
        f"<a:normAutofit/></a:bodyPr>{style}<a:p>{said}</a:p></p:txBody></p:sp>"
    )


def _level(size: float, color: str, *, bold: bool = False, align: str = "l") -> str:
    weight = ' b="1"' if bold else ""
    return (
        f'<a:lvl1pPr marL="0" indent="0" algn="{align}"><a:buNone/>'
        f'<a:defRPr sz="{round(size * 100)}"{weight}><a:solidFill><a:schemeClr val="{color}"/>'
        "</a:solidFill></a:defRPr></a:lvl1pPr>"
    )


def _foot() -> str:
    number = (
        '<a:fld id="{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}" type="slidenum">'
        '<a:rPr lang="%LANG%"/><a:t>‹#›</a:t></a:fld>'
    )
    return _placeholder(
        5, "Foot", "Company, period", FOOTER, f'type="ftr" sz="quarter" idx="{FOOT}"',
        anchor="ctr", look=_level(10, "tx2"),
    ) + _placeholder(
        6, "Slide number", "", PAGE, f'type="sldNum" sz="quarter" idx="{NUMBER}"',
        anchor="ctr", look=_level(10, "tx2", align="r"), text=number,
    )  # fmt: skip


def _kicker() -> str:
    return _placeholder(
        4, "Section", "Section", SECTION, f'type="body" sz="quarter" idx="{KICKER}"',
        anchor="t", look=_level(12, "accent1", bold=True),
    )  # fmt: skip


def _rule(id_: int, box: Box, color: str) -> str:
    x, y, width, height = (int(Pt(v)) for v in (box.x, box.y, box.width, box.height))
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{id_}" name="Rule"/><p:cNvSpPr/><p:nvPr userDrawn="1"/>'
        f'</p:nvSpPr><p:spPr><a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="{width}" cy="{height}"/>'
        '</a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom><a:solidFill>'
        f'<a:schemeClr val="{color}"/></a:solidFill><a:ln><a:noFill/></a:ln></p:spPr></p:sp>'
    )


_TITLED = _placeholder(2, "Title", "The message", TITLE, 'type="title"', anchor="t")
_LAYOUT_SHAPES = {
    "cover": _rule(8, Box(0, 0, WIDTH, COVER_PART), "tx1")
    + _rule(9, Box(0, COVER_PART, WIDTH, 6), "accent1")
    + _placeholder(
        2, "Title", "Report", COVER, 'type="ctrTitle"', anchor="b",
        look=_level(48, "bg1", bold=True),
    )
    + _placeholder(
        3, "Subtitle", "Company, period", Box(COVER.x, COVER.bottom + 10, COVER.width, 30),
        'type="subTitle" idx="1"', anchor="t", look=_level(22, "bg2"),
    )
    + _placeholder(
        4, "Facts", "Facts", FACTS, f'type="body" sz="quarter" idx="{KICKER}"', anchor="t",
        look=_level(14, "tx1"),
    )
    + _foot(),
    "words": _TITLED
    + _kicker()
    + _placeholder(3, "Text", "Text", BODY, 'idx="1"', anchor="t")
    + _foot(),
    "content": _TITLED + _kicker() + _foot(),
}  # fmt: skip

_LEVELS = "".join(
    f'<a:lvl{level}pPr marL="{int(Pt(16 * level))}" indent="-{int(Pt(16))}" algn="l" rtl="0">'
    '<a:spcBef><a:spcPts val="0"/></a:spcBef><a:spcAft><a:spcPts val="800"/></a:spcAft>'
    '<a:buFont typeface="Arial"/><a:buChar char="•"/>'
    f'<a:defRPr sz="{size}" kern="1200"><a:solidFill><a:schemeClr val="tx1"/></a:solidFill>'
    '<a:latin typeface="+mn-lt"/><a:ea typeface="+mn-ea"/><a:cs typeface="+mn-cs"/></a:defRPr>'
    f"</a:lvl{level}pPr>"
    for level, size in ((1, 1600), (2, 1400), (3, 1400))
)
_STYLES = (
    f"<p:txStyles {_NAMES}><p:titleStyle><a:lvl1pPr algn=\"l\">"
    '<a:lnSpc><a:spcPct val="95000"/></a:lnSpc><a:spcBef><a:spcPct val="0"/></a:spcBef><a:buNone/>'
    f'<a:defRPr sz="{round(TITLE_SIZE * 100)}" b="1" kern="1200"><a:solidFill>'
    '<a:schemeClr val="tx1"/></a:solidFill><a:latin typeface="+mj-lt"/><a:ea typeface="+mj-ea"/>'
    '<a:cs typeface="+mj-cs"/></a:defRPr></a:lvl1pPr></p:titleStyle>'
    f"<p:bodyStyle>{_LEVELS}</p:bodyStyle><p:otherStyle/></p:txStyles>"
)  # fmt: skip
