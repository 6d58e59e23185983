"""What happens if one bit position is flipped in all words of a tensor at once?"""

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.constant_bits import constant_bits
from radhard.analyses.left_out_layers import record_left_out
from radhard.analyses.simultaneous_flips import simultaneous_flips
from radhard.analyses.stored_targets import check_stored_targets
from radhard.faults import BitFlip
from radhard.formats import Float32, Format
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.targets import Target, Weights
from radhard.workload import Workload

__all__ = ["BitWise"]


@component
class BitWise(Analysis):
    """Flips of one bit position in all words of a tensor at once (Parchekani et al., DFT 2024).

    By bit of every selected tensor: the share of samples whose prediction changes, or whose output
    is NaN, if this bit is flipped in all words of the tensor; for a ranking of bit positions, not
    as a rate of single faults. Check bits that are stored apart have their own scores, under the
    name ``"fc.weight check"``. One forward pass for each bit of each tensor, and one for each bit
    of all tensors.

    The facts contain the share of changed predictions (``"critical"``), of outputs with NaN
    (``"due"``) and, if the data have labels, the accuracy (``"accuracy"``), by tensor and by bit
    from bit 0 on; the same for flips in the values of all tensors together (``"all tensors"``), if
    their words have the same width; and the bits that have the same value in all words of a tensor
    (``"constant bits"``), which can be corrected without check bits.

    There is no run file, as there are few passes: `Scores.save` keeps the figures, and an analysis
    that is interrupted starts again.

    ``format``: of the words. ``targets``: the stored tensors, by default all weights.

    Cost: 1 forward for each bit of each tensor.
    """

    format: Format = Float32()
    targets: tuple[Target, ...] = (Weights("*"),)

    def check(self) -> None:
        check_stored_targets(self.targets, "BitWise")

    def find(self, workload: Workload) -> AnalysisResult:
        space = FaultSpace.of(workload.model, self.targets, BitFlip(), self.format)
        record_left_out(workload, space)
        # Bits of words of different widths have nothing in common, nor have values and check bits.
        values = [at for at, region in enumerate(space.regions) if region.plane == "codes"]
        widths = set(space.variants[values].tolist())
        width = widths.pop() if len(widths) == 1 else 0
        flips: list[tuple[list[int], int]] = [
            ([place], bit)
            for place in range(len(space.regions))
            for bit in range(int(space.variants[place]))
        ]
        flips += [(values, bit) for bit in range(width)]
        effects = simultaneous_flips(workload, space, flips)
        by_tensor, scores = {}, {}
        for place, region in enumerate(space.regions):
            start, end = space.variant_starts[place : place + 2].tolist()
            # Scores of values have the name of their tensor, as in campaigns; check bits that are
            # stored apart, and sections of a tensor, have their own.
            name = space.name(place)
            name = region.site.name if name == f"{region.site.name} codes" else name
            by_tensor[name] = effects.lists(start, end)
            scores[name] = effects.harm[start:end]
        together = int(space.variant_starts[-1])
        facts = {
            "by tensor": by_tensor,
            "all tensors": effects.lists(together, together + width) if width else None,
            "constant bits": {
                name: {str(bit): value for bit, value in bits.items()}
                for name, bits in constant_bits(space, workload.model).items()
            },
        }
        return AnalysisResult("bit", scores, facts=facts, chosen=self.targets != (Weights("*"),))
