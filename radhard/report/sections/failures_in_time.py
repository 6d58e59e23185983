"""What is the rate in failures in 1e9 hours?"""

import math

from radhard.faults import BitFlip
from radhard.reliability import fit
from radhard.report.blocks import Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read, read_rows
from radhard.report.main_figure import MainFigure, outcome_columns
from radhard.report.run_wording import enumeration
from radhard.results import Results
from radhard.space import Region
from radhard.stats import Estimate
from radhard.targets import register_of

__all__ = ["failures"]

_EXAMPLE_FIT_PER_BIT = 1e-4
"""100 FIT per megabit, the order of magnitude in beam tests of memories at sea level."""


def failures(results: Results, harm: MainFigure, fit_per_bit: float | None) -> Section:
    """FIT from the raw rate of a bit, the number of bits, and the rate of this campaign."""
    title = "From rates to failures in time"
    if results.by_rate:
        text = (
            "FIT requires the rate of single faults, which a run at error rates does not measure; "
            "use Uniform(n) as the sampler."
        )
        return Section("fit", title, (Text(text),))
    if not harm.predictions:
        text = (
            f"FIT requires the share of predictions that fail, and {harm.column} is not such a "
            "share; add Outcome() to the metrics."
        )
        return Section("fit", title, (Text(text),))
    space = results.space
    if len(space.faults) > 1 or len(space.exposures) > 1:
        text = (
            "FIT requires the rate of one kind of fault in one kind of memory, and this run mixes "
            f"{enumeration([*map(repr, (*space.faults, *space.exposures))])}. Use a run of each; "
            'in Python, results.rate(by="fault, exposure") returns their rates.'
        )
        return Section("fit", title, (Text(text),))
    bits = _bits(results)
    rate: Estimate = results.rate(harm.column)
    named = {harm.rate: rate}
    outcomes = outcome_columns(results)
    if outcomes and results.has_mean(outcomes["due"]):
        named["DUE"] = results.rate(outcomes["due"])
    raw = _EXAMPLE_FIT_PER_BIT if fit_per_bit is None else fit_per_bit
    share, total = read(rate), read(fit(raw, bits, rate))
    basis = (
        f"raw rate of {raw:g} FIT per bit, as given"
        if fit_per_bit is not None
        else f"raw rate of {raw:g} FIT per bit, which is an example and not a measurement"
    )
    formula = (
        "FIT (failures in 1e9 device hours) = raw FIT of a bit × bits at risk × share of faults "
        f"that cause a failure. Here: {raw:g} × {bits:,} × {share.value} {share.interval} = "
        f"{total.value} {total.interval}, for a {basis}."
    )
    if fit_per_bit is None:
        formula += (
            " Specify the raw rate of your memory with --fit-per-bit, or fit_per_bit= in Python."
        )
    rates = {name: fit(raw, bits, estimate) for name, estimate in named.items()}
    rows = tuple((name, *reading) for name, reading in read_rows(rates).items())
    table = Table(f"Failures in 1e9 hours of {bits:,} bits", ("failure", "FIT", *COLUMNS), rows)
    tables = (table, *_by_register(results, harm, raw))
    return Section("fit", title, (Text(formula), *tables, Text(_care(results))))


def _bits(results: Results) -> int:
    """The number of bits that a fault of the space can affect, at one time."""
    bits = 0
    for region in results.space.regions:
        if region.site.role != "register":
            # Activations of one sample after the other lie in the same memory.
            bits += region.all_words // (region.site.samples or 1) * len(_fault_bits(region))
    return bits + sum(_register_bits(results).values())


def _register_bits(results: Results) -> dict[tuple[str, str], int]:
    """The number of bits of every class of register, by target and class."""
    found: dict[tuple[str, str], int] = {}
    for region in results.space.regions:
        if region.site.role == "register":
            # An element holds one word at a time, of whatever tile, cycle or layer.
            key = repr(region.target), register_of(region.site)
            found[key] = math.prod(region.site.shape[-2:]) * len(_fault_bits(region))
    return found


def _fault_bits(region: Region) -> set[int]:
    return {bit for variant in range(region.variants) for bit in region.bits(variant)}


def _by_register(results: Results, harm: MainFigure, raw: float) -> list[Table]:
    """FIT of every class of register; nothing without trials in them, or of several arrays."""
    sizes = _register_bits(results)
    bits = {register: size for (_, register), size in sizes.items()}
    if not bits or len(bits) < len(sizes):
        return []
    rates = results.rate(harm.column, by="register")
    known = [(name, size) for name, size in bits.items() if name in rates]
    if not known:
        return []
    readings = read_rows({name: fit(raw, size, rates[name]) for name, size in known})
    rows = tuple((name, f"{size:,}", *readings[name]) for name, size in known)
    heads = ("register", "bits", "FIT", *COLUMNS)
    return [Table(f"{harm.Rate} in FIT by class of register", heads, rows)]


def _care(results: Results) -> str:
    text = "The interval is that of the rate only: raw rate and number of bits are assumed exact."
    if any(site.flows and site.role != "register" for site in results.space.sites):
        text += (
            " Activations and inputs are stored only for a short time; here they are assumed to be "
            "in memory all the time, which gives an upper bound."
        )
    (fault,) = results.space.faults
    if not isinstance(fault, BitFlip) or fault.count > 1:
        text += f" The raw rate must be that of {fault!r}, per affected bit."
    return text
