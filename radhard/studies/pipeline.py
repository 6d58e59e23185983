"""How does a study become a page, figures and numbers?"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from radhard.errors import InputError
from radhard.files import check_writable, make_folder, write_texts
from radhard.manifest import environment
from radhard.studies.claim import JUDGED, Claim, verdicts
from radhard.studies.networks import Network
from radhard.studies.networks import network as load_network
from radhard.studies.study import NetworkSection, Plan, Study

__all__ = ["conduct", "texts", "write_files"]

Findings = TypeVar("Findings")


def conduct(
    study: Study[Any],
    plan: Plan,
    folder: str | Path,
    *,
    networks: Sequence[str] = (),
    cache: Path | None = None,
    command: str = "",
) -> list[Path]:
    """Measure every network of a study, judge the claims, and write the page.

    Args:
        study: which one.
        plan: how much is tried.
        folder: where page, figures and numbers go.
        networks: names of the networks; by default those of the study.
        cache: folder for weights that are trained for studies.
        command: the command line that makes the page, for its first line.

    Returns:
        The files written.

    Raises:
        InputError: the plan has a setting that the study does not use, a network is unknown or
            cannot be measured, or the folder cannot be written.
    """
    if unused := sorted(plan.options - study.uses):
        raise InputError(
            f"{study.name} does not use {', '.join(unused)}; beside the seed it uses "
            f"{', '.join(sorted(study.uses)) or 'nothing'}"
        )
    try:
        check_writable(Path(folder) / f"{study.name}.md")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{str(folder)!r} cannot be written: {reason}") from error
    names = tuple(dict.fromkeys(networks)) or study.networks
    loaded = [load_network(name, cache=cache) for name in names]
    findings = [(network, study.measure(network, plan)) for network in loaded]
    return write_files(texts(study, plan, findings, command), Path(folder))


def texts(
    study: Study[Findings],
    plan: Plan,
    findings: Sequence[tuple[Network, Findings]],
    command: str,
) -> dict[str, str]:
    """The page (Markdown), every number (JSON) and the figures (SVG), by the name of the file."""
    around = environment(None)
    versions = ", ".join(f"{key} {around[key]}" for key in ("radhard", "torch") if key in around)
    amount = ", ".join(filter(None, (f"Seed {plan.seed}", study.amount(plan), versions)))
    page = [
        f"# {study.title}",
        "",
        f"`{command}`",
        "",
        f"{amount}. Written by this command; not to be edited.",
        "",
        f"{study.about} ({study.source})",
        "",
        f"{study.intervals()} {JUDGED}",
        "",
    ]
    numbers: list[Mapping[str, Any]] = []
    figures: dict[str, str] = {}
    for network, of_network in findings:
        claims, section = study.claims(of_network), study.section(network, of_network)
        page += _network(network, claims, section)
        figures.update(section.figures)
        facts = [claim.to_dict() for claim in claims]
        numbers.append({"name": network.name, **section.numbers, "claims": facts})
    between = study.across([of_network for _, of_network in findings])
    if between:
        page += ["## Between the networks", "", *verdicts(between)]
    content = {
        "study": study.name,
        "command": command,
        "seed": plan.seed,
        "versions": versions,
        **study.settings(plan),
        "networks": numbers,
        **({"claims between networks": [claim.to_dict() for claim in between]} if between else {}),
    }
    return {
        f"{study.name}.md": "\n".join(page).rstrip() + "\n",
        f"{study.name}.json": json.dumps(content, indent=1) + "\n",
        **figures,
    }


def _network(network: Network, claims: Sequence[Claim], section: NetworkSection) -> list[str]:
    head = [f"## {network.name}", "", section.intro, "", "### What the paper says", ""]
    return [*head, *verdicts(claims), *section.body]


def write_files(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Write each text to the file of its name, all or none; returns the files.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        make_folder(folder)
        write_texts({folder / file: text for file, text in files.items()})
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{str(folder)!r} cannot be written: {reason}") from error
    return [folder / file for file in files]
