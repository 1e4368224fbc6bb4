"""HTML out of texts, as Ibis expressions that every engine runs.

There is no portable function that unescapes HTML, so the entities that occur in product reviews
are listed here. What is not listed stays as it was delivered.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

COMMON_ENTITIES: dict[str, str] = {
    "quot": '"',
    "lt": "<",
    "gt": ">",
    "apos": "'",
    "nbsp": " ",
}
"""Those that nearly all escaped texts get by with (and ``amp``, which comes last)."""

RARE_ENTITIES: dict[str, str] = {
    "iexcl": "¡", "cent": "¢", "pound": "£", "curren": "¤", "yen": "¥", "brvbar": "¦", "sect": "§",
    "uml": "¨", "copy": "©", "ordf": "ª", "laquo": "«", "not": "¬", "shy": "\xad", "reg": "®",
    "macr": "¯", "deg": "°", "plusmn": "±", "sup2": "²", "sup3": "³", "acute": "´", "micro": "µ",
    "para": "¶", "middot": "·", "cedil": "¸", "sup1": "¹", "ordm": "º", "raquo": "»", "frac14": "¼",
    "frac12": "½", "frac34": "¾", "iquest": "¿", "Agrave": "À", "Aacute": "Á", "Acirc": "Â",
    "Atilde": "Ã", "Auml": "Ä", "Aring": "Å", "AElig": "Æ", "Ccedil": "Ç", "Egrave": "È",
    "Eacute": "É", "Ecirc": "Ê", "Euml": "Ë", "Igrave": "Ì", "Iacute": "Í", "Icirc": "Î",
    "Iuml": "Ï", "ETH": "Ð", "Ntilde": "Ñ", "Ograve": "Ò", "Oacute": "Ó", "Ocirc": "Ô",
    "Otilde": "Õ", "Ouml": "Ö", "times": "×", "Oslash": "Ø", "Ugrave": "Ù", "Uacute": "Ú",
    "Ucirc": "Û", "Uuml": "Ü", "Yacute": "Ý", "THORN": "Þ", "szlig": "ß", "agrave": "à",
    "aacute": "á", "acirc": "â", "atilde": "ã", "auml": "ä", "aring": "å", "aelig": "æ",
    "ccedil": "ç", "egrave": "è", "eacute": "é", "ecirc": "ê", "euml": "ë", "igrave": "ì",
    "iacute": "í", "icirc": "î", "iuml": "ï", "eth": "ð", "ntilde": "ñ", "ograve": "ò",
    "oacute": "ó", "ocirc": "ô", "otilde": "õ", "ouml": "ö", "divide": "÷", "oslash": "ø",
    "ugrave": "ù", "uacute": "ú", "ucirc": "û", "uuml": "ü", "yacute": "ý", "thorn": "þ",
    "yuml": "ÿ",
    "ndash": "–", "mdash": "—", "lsquo": "‘", "rsquo": "’", "sbquo": "‚", "ldquo": "“",
    "rdquo": "”", "bdquo": "„", "bull": "•", "hellip": "…", "euro": "€", "trade": "™",
}  # fmt: skip
"""The rest of Latin-1 (in the order of its codes), then typographic signs."""

_CODE_POINTS = {"nbsp": 0xA0}


def clean_text(text: ir.StringValue) -> ir.StringValue:
    """Turn ``<br />`` into a newline and unescape HTML entities, once.

    Parameters
    ----------
    text
        String column; null stays null.

    Returns
    -------
    ibis.expr.types.StringValue
        The text without spaces around it; null where nothing is left. Known entities are
        recognised by name (``&quot;``), decimal (``&#34;``) and hexadecimal (``&#x22;``) code.
        ``&amp;`` is undone last and in one pass, so that ``&amp;lt;`` becomes ``&lt;`` and not
        ``<``.
    """
    broken = ibis.ifelse(text.contains("<"), text.re_replace(r" *<[bB][rR] ?/?> *", "\n"), text)
    return unescape_html(broken).strip().nullif("")


def unescape_html(text: ir.StringValue) -> ir.StringValue:
    """Replace the entities of ``COMMON_ENTITIES``, ``RARE_ENTITIES`` and ``&amp;``."""
    common = _replace_each(text, COMMON_ENTITIES)
    everything = _replace_each(common, RARE_ENTITIES)
    rare = "|".join(_reference(name, character) for name, character in RARE_ENTITIES.items())
    # Few texts hold an entity at all, and few of those a rare one: look before replacing.
    return ibis.ifelse(
        text.contains("&"),
        _unescape_ampersand(ibis.ifelse(text.re_search(f"&(?:{rare});"), everything, common)),
        text,
    )


def _replace_each(text: ir.StringValue, entities: dict[str, str]) -> ir.StringValue:
    for name, character in entities.items():
        text = text.re_replace(f"&(?:{_reference(name, character)});", character)
    return text


def _unescape_ampersand(text: ir.StringValue) -> ir.StringValue:
    return text.re_replace(f"&(?:{_reference('amp', '&')});", "&")


def _reference(name: str, character: str) -> str:
    code = _CODE_POINTS.get(name, ord(character))
    return f"{name}|#0*{code}|#[xX]0*(?:{code:x}|{code:X})"
