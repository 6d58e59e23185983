"""Which regions does one call of `FaultSpace.of` select?"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from radhard.arguments import component_of, components_of
from radhard.errors import InputError
from radhard.faults import FAULTS, FaultModel
from radhard.formats import FORMATS, Format, format_for, formats_of
from radhard.space.exposure import EXPOSURES, Exposure, exposure_of
from radhard.space.plane import WITH_PLANE, planes_of, usual_planes
from radhard.space.recorded_scale import recorded_scale, scale_from
from radhard.space.region import Region
from radhard.space.word_subset import WordSubset, subset_of_site, subsets_of
from radhard.spec import FrozenDict
from radhard.storage import fitted
from radhard.targets import TARGETS, Site, Target
from radhard.targets.patterns import reasons
from radhard.workload import Workload

__all__ = ["Term", "current", "names_of"]


@dataclass(frozen=True)
class Term:
    """The targets, planes, formats and fault models of one call of `FaultSpace.of`.

    It has a region for every tensor, each of its planes and each fault model, in this order.
    """

    targets: tuple[Target, ...]
    faults: tuple[FaultModel, ...]
    formats: FrozenDict[str, Format]
    """By pattern of the names of tensors and layers; the first that matches counts."""
    sites: tuple[Site, ...]
    fitted: tuple[Format, ...]
    """The format of each site, with the scale of the tensor if the format has one."""
    planes: tuple[str, ...] = ("codes",)
    words: FrozenDict[str, WordSubset] | None = None
    """Which values of each tensor are covered, by its name; None: all."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Tensors that match a target but into which no fault can be injected, with the reason."""
    exposure: Exposure | None = None
    """How long faults are present; None: as usual for each tensor."""

    @classmethod
    def of(
        cls,
        workload: Workload,
        target: Any,
        fault: Any,
        format: Any,
        *,
        planes: str | Iterable[str] | None = None,
        words: Any = None,
        exposure: Any = None,
    ) -> "Term":
        """The term of one call of `FaultSpace.of`, whose other arguments these are.

        Raises:
            InputError: as of `FaultSpace.of`.
        """
        # From text or components alike, as every call takes both.
        targets = components_of(target, TARGETS, "target")
        if sum(one.role == "register" for one in targets) > 1:
            raise InputError(
                "several targets of registers need a space each: FaultSpace.of(...) | "
                "FaultSpace.of(...)"
            )
        faults = components_of(fault, FAULTS, "fault")
        formats = formats_of(format)
        chosen = None if planes is None else planes_of(planes)
        asked = None if exposure is None else component_of(exposure, EXPOSURES, "exposure")
        selected = [one.select(workload) for one in targets]
        sites = [site for found, _ in selected for site in found]
        # A tensor under two targets would have every fault twice.
        for name, times in Counter(site.name for site in sites).items():
            if times > 1:
                raise InputError(f"{name!r} is reached by more than one of the targets {targets}")
        model = workload.model
        held = [fitted(format_for(formats, *names_of(site)), model, site) for site in sites]
        left = {name: why for _, others in selected for name, why in others.items()}
        chosen = usual_planes(held) if chosen is None else chosen
        return cls(
            targets,
            faults,
            formats,
            tuple(sites),
            tuple(held),
            chosen,
            subsets_of(words),
            left,
            asked,
        )

    def regions(self) -> list[Region]:
        """The regions, in the order of their faults.

        Raises:
            InputError: no tensor has such a plane, or it is the scale of a flowing value.
        """
        for site, format in zip(self.sites, self.fitted, strict=True):
            # The model rounds such a value with its own scale after the injection, which would
            # undo a fault in the scale.
            if site.flows and "scale" in self.planes and "scale" in format.planes:
                raise InputError(
                    f"{site.name!r} is computed in every pass, and no fault can be injected into "
                    "the scale that it is rounded with; take planes='codes' for activations and "
                    "inputs, and add the scales of weights: space | FaultSpace.of(...)"
                )
        found = []
        for site, format in zip(self.sites, self.fitted, strict=True):
            # For its errors: an exposure that faults in this tensor cannot have.
            exposure_of(site, self.exposure)
            subset = subset_of_site(self.words, site)
            planes = [plane for plane in self.planes if plane in format.planes]
            if subset is not None and (not format.by_word or planes != ["codes"]):
                reason = "its scale covers several" if format.by_word else "none is decoded alone"
                raise InputError(
                    f"words of {format!r} cannot be chosen one by one, since {reason}; take all "
                    "words, or planes='codes' and a format that protects each word by itself"
                )
            # A subset without words has no region.
            if subset is None or len(subset.positions):
                found += [
                    Region(site, self._target(site), fault, format, plane, subset, self.exposure)
                    for plane in planes
                    for fault in self.faults
                ]
        if self.sites and not found and self.words is None:
            raise InputError(
                f"no tensor has the plane {' or '.join(map(repr, self.planes))}; choose "
                + " or ".join(WITH_PLANE[plane] for plane in self.planes)
            )
        return found

    def _target(self, site: Site) -> Target:
        return next(target for target in self.targets if target.role == site.role)

    def __repr__(self) -> str:
        faults = " and ".join(map(repr, self.faults))
        usual = self.planes == usual_planes(self.fitted)
        planes = "" if usual else f"the {' and '.join(self.planes)} of "
        targets = " + ".join(map(repr, self.targets))
        left = f", without {reasons(self.left_out)}" if self.left_out else ""
        if self.words is not None:
            chosen = sum(len(subset.positions) for subset in self.words.values())
            planes += f"{chosen:,} chosen words of "
        lasting = f", {self.exposure!r}" if self.exposure is not None else ""
        return f"{faults} in {planes}{targets} stored as {self.stored_as}{lasting}{left}"

    @property
    def stored_as(self) -> str:
        """The format as given by the user: one, or formats by pattern."""
        if list(self.formats) == ["*"]:
            return repr(self.formats["*"])
        return repr(self.formats)

    def to_dict(self) -> dict[str, Any]:
        """The term as plain values."""
        left: dict[str, Any] = {"left out": dict(self.left_out)} if self.left_out else {}
        if self.words is not None:
            left["words"] = {name: subset.to_text() for name, subset in self.words.items()}
        if self.exposure is not None:
            left["exposure"] = repr(self.exposure)
        return {
            **left,
            "targets": [repr(target) for target in self.targets],
            "faults": [repr(fault) for fault in self.faults],
            # Pairs, as the order of the patterns matters and that of a JSON object does not.
            "formats": [[pattern, repr(format)] for pattern, format in self.formats.items()],
            "planes": list(self.planes),
            "sites": [_plain(site) for site in self.sites],
            "scales": [recorded_scale(format.scales()) for format in self.fitted],
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any], *, foreign: bool) -> "Term":
        """The term from `to_dict`; components of other packages only if ``foreign``."""
        formats = FrozenDict(
            {str(name): FORMATS.parse(text, foreign=foreign) for name, text in plain["formats"]}
        )
        sites = tuple(map(_site, plain["sites"]))
        return cls(
            tuple(TARGETS.parse(text, foreign=foreign) for text in plain["targets"]),
            tuple(FAULTS.parse(text, foreign=foreign) for text in plain["faults"]),
            formats,
            sites,
            tuple(
                format_for(formats, *names_of(site)).scaled(scale_from(scale))
                for site, scale in zip(sites, plain["scales"], strict=True)
            ),
            tuple(map(str, plain["planes"])),
            _subsets_from(plain.get("words"), sites),
            {str(name): str(why) for name, why in plain.get("left out", {}).items()},
            EXPOSURES.parse(plain["exposure"], foreign=foreign) if "exposure" in plain else None,
        )


def _plain(site: Site) -> dict[str, Any]:
    """A site as plain values; without what few sites have, as in files of earlier versions."""
    values = asdict(site)
    return {
        name: value
        for name, value in values.items()
        if value is not None or name not in ("rows", "grid", "bits")
    }


def _site(plain: dict[str, Any]) -> Site:
    """The site from `_plain`."""
    # JSON has no tuples, and a site has no lists, as it must be hashable.
    lists = {key: tuple(value) for key, value in plain.items() if isinstance(value, list)}
    return Site(**{**plain, **lists})


def _subsets_from(
    texts: dict[str, str] | None, sites: Sequence[Site]
) -> FrozenDict[str, WordSubset] | None:
    """Subsets as read from a run file."""
    if texts is None:
        return None
    # Masks may have any name of a tied tensor, or be for tensors that no target selects.
    sizes = {name: math.prod(site.shape) for site in sites for name in (site.name, *site.aliases)}
    return FrozenDict(
        {
            name: WordSubset.from_text(text, sizes[name])
            for name, text in texts.items()
            if name in sizes
        }
    )


def names_of(site: Site) -> tuple[str, ...]:
    """The names of a tensor and of its layer, against which patterns of formats are matched."""
    names = (site.name, *site.aliases)
    layers = () if site.flows else [name.rpartition(".")[0] for name in names]
    return tuple(dict.fromkeys((*names, site.layer, *layers)))


def current(plain: dict[str, Any]) -> dict[str, Any]:
    """The description of a space in a run file, in the current layout.

    Files of earlier versions have one term, with one fault model and one format.
    """
    if "terms" in plain or not {"fault", "format"} <= plain.keys():
        return plain
    rest = {key: value for key, value in plain.items() if key not in ("fault", "format")}
    term = {
        **rest,
        "faults": [plain["fault"]],
        "formats": [["*", plain["format"]]],
        "planes": ["codes"],
    }
    return {"terms": [term]}
