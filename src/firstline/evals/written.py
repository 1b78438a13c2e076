"""The two files of a run that other programs show: Markdown and JUnit XML.

What customers and the assistant wrote is foreign text in both: it is escaped, and one line.
"""

import re
from xml.etree import ElementTree as Xml

from firstline.evals.compare import Comparison
from firstline.evals.metrics import Scored
from firstline.evals.sheet import Sheet
from firstline.evals.wording import (
    NAMES,
    made_by,
    name_trial,
    say_beside,
    say_cautions,
    say_conversations,
    say_reasons,
    say_remark,
    say_verdict,
    write_change,
    write_interval,
    write_line,
    write_n,
    write_share,
    write_verdict,
)

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OF_MARKDOWN = re.compile(r"([\\`*_\[\]<>|!#~&@])")

# Markdown -----------------------------------------------------------------------------------------------------------


def write_markdown(sheet: Sheet, against: Comparison | None = None) -> str:
    """The run as a page of Markdown, as for a pull request."""
    origin = sheet.origin
    since = f" since {against.before.origin.began_at:%Y-%m-%d %H:%M}" if against else ""
    beside = [say_beside(against)] if against else []
    lines = [
        f"# {write_verdict(sheet.verdict)}: {_escape(origin.business)}",
        "",
        ". ".join((say_verdict(sheet), say_conversations(sheet), *say_cautions(sheet), *beside)) + ".",
        "",
        f"| criterion | value | 95% | n | target | verdict | |{since} |",
        "|---|--:|---|--:|--:|---|---|---|",
    ]
    for figure in sheet.figures:
        difference = against.of(figure.criterion) if against else None
        cells = (
            NAMES[figure.criterion],
            write_share(figure.value),
            write_interval(figure),
            write_n(figure),
            write_share(figure.target),
            write_verdict(figure.verdict),
            say_remark(figure),
            write_change(difference),
        )
        lines.append(f"| {' | '.join(cells)} |")
    for title, found in (("Something wrong", sheet.failing), ("Broken off", sheet.broken)):
        lines += ["", f"## {title} ({len(found)})", "", *map(_tell, found)] if found else []
    lines += ["", "## What made these figures", "", *(f"- {key}: {_escape(value)}" for key, value in made_by(sheet))]
    return "\n".join(lines) + "\n"


def _tell(scored: Scored) -> str:
    return f"- {_escape(name_trial(scored))}: {_escape(say_reasons(scored))}"


def _escape(text: str) -> str:
    return _OF_MARKDOWN.sub(r"\\\1", write_line(text))


# JUnit XML ----------------------------------------------------------------------------------------------------------


def write_junit(sheet: Sheet) -> str:
    """The run as JUnit XML: a suite of criteria, of which the undecided are skipped, and a suite of conversations."""
    root = Xml.Element("testsuites", name=f"firstline eval {sheet.origin.bundle}")
    criteria = Xml.SubElement(root, "testsuite", name="criteria")
    properties = Xml.SubElement(criteria, "properties")
    for key, value in made_by(sheet):
        Xml.SubElement(properties, "property", name=key, value=_clean(value))
    for figure in sheet.figures:
        place = {"classname": f"{sheet.origin.bundle}.criteria", "name": NAMES[figure.criterion]}
        result = Xml.SubElement(criteria, "testcase", place)
        told = f"{write_share(figure.value)} [{write_interval(figure)}], target {write_share(figure.target)}"
        if figure.verdict == "fail":
            Xml.SubElement(result, "failure", message=told)
        elif figure.verdict == "inconclusive":
            Xml.SubElement(result, "skipped", message=f"inconclusive: {told}")
    conversations = Xml.SubElement(root, "testsuite", name="conversations")
    for each in sheet.scored:
        trial = each.trial
        place = {"classname": f"{sheet.origin.bundle}.{trial.case.id}", "name": f"trial {trial.number}"}
        result = Xml.SubElement(conversations, "testcase", place, time=f"{trial.seconds:.3f}")
        if trial.error is not None:
            Xml.SubElement(result, "error", message=_clean(trial.error))
        elif not each.passed:
            failure = Xml.SubElement(result, "failure", message=_clean(each.reasons[0]))
            failure.text = _clean("\n".join(each.reasons))
    for suite in (root, criteria, conversations):
        _count(suite)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _count(suite: Xml.Element) -> None:
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(list(suite.iter(tag)))))


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
