"""How are the limits that were asked for written as a JUnit XML file?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from radhard.cli.output_files import check_outputs
from radhard.errors import InputError
from radhard.escaping import printable
from radhard.files import make_folder, write_texts
from radhard.stats import LimitCheck

__all__ = ["check_junit", "write_junit"]


def check_junit(path: Path | None, *limits: float | None) -> None:
    """Check, before the work, that there is a limit to report and a place for the file.

    Raises:
        InputError: there is none.
    """
    if path is None:
        return
    check_outputs(junit=path)
    if all(limit is None for limit in limits):
        raise InputError(
            f"--junit {str(path)!r} reports limits, and none was given; add --max-rate, for "
            "example --max-rate 1%"
        )


def write_junit(
    path: Path, name: str, checks: Sequence[LimitCheck], properties: Mapping[str, object]
) -> None:
    """Write one test case for each limit; a limit that is missed is a failure.

    ``name`` is that of the test suite, such as ``radhard.run``; ``properties`` describe the run.
    """
    failures = str(sum(not check.passed for check in checks))
    counts = {"tests": str(len(checks)), "failures": failures, "errors": "0"}
    root = Element("testsuites", counts)
    suite = SubElement(root, "testsuite", {"name": name, **counts})
    described = SubElement(suite, "properties")
    for key, value in properties.items():
        SubElement(described, "property", {"name": key, "value": printable(str(value))})
    for check in checks:
        case = SubElement(suite, "testcase", {"classname": name, "name": printable(check.name)})
        if not check.passed:
            SubElement(case, "failure", {"message": printable(str(check))})
        SubElement(case, "system-out").text = printable(f"{check.name}: {check.estimate}")
    indent(root)
    text = tostring(root, encoding="unicode")
    make_folder(path.parent)
    write_texts({path: f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'})
