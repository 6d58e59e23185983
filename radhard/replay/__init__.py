"""How does a difference travel through a model, from where it begins to the outputs?

A fault changes one value or a few; most of what a forward pass computes stays as it was. So this
room keeps the *golden* (fault-free) value of every operation and computes only how far faulty
values differ from these. `Replayer` is its door:

    replayer = Replayer.of(workload, sites)
    replayer.outputs(place, deviation)            # one row a probe: (probes, ...)
    replayer.parameter_outputs(place, changes)    # all samples: (changes, samples, ...)

It knows no faults, campaigns, metrics or engines. A *place* is the position of a site in
``sites``, a *slot* the number of a value in the graph.

These are the files that a difference meets, in this order.

Once for all differences, in `replayer.Replayer.of`:

1. ``graph/model_graph.py`` gets the operations of the model as a `Graph`, from a pass that is
   recorded (``recorder_graph.py``), else from torch.export (``export_graph.py``) or from torch.fx
   (``fx_graph.py``), and compares it with the model.
   Parts into which a tensor is split become slices of it (``split_parts.py``).
   ``recurrent/recurrent_nodes.py`` makes LSTM and GRU layers operations that take single steps,
   those with the time in front by way of ``recurrent/time_first.py``, those in two directions by
   way of ``recurrent/both_directions.py``. ``graph/samples_first_attention.py`` computes attention
   with the samples in front, ``graph/samples_in_front.py`` puts them there in what surrounds it,
   ``graph/split_parts.py`` takes parts of values as slices.
2. ``graph/site_slots.py`` finds the slots of the sites, where differences may enter, and
   ``graph/attention_nodes.py`` those of values of attention.
3. ``graph/folding.py`` folds batch normalization into convolutions, except at the sites.
4. ``golden_values.py`` computes the value of every slot, for as many samples as fit into memory.

Then for every pass:

5. ``deviation.py`` says how a site deviates in some probes: which sample, where, by how much. It
   becomes a `Patch` (``patch.py``): the faulty values of some rows, and where along each axis they
   lie. A row is one sample of one probe or trial. A change of a stored parameter begins one
   operation later: ``word_change.py`` computes the patch in the output of the operation that uses
   the parameter, and ``recurrent/state_changes.py`` that of a layer whose state changed after a
   step; rows that begin alike share their first steps (``recurrent/branches.py``). A parameter that
   linear layers use several times, such as the weight of a cell that is
   called in a loop, changes the output of each of them (``repeated_change.py``),
   and a word of a key-value cache what is read in each call (``cache_change.py``).
6. ``faulty_pass.py`` keeps the patches of a pass, and puts golden values around them where an
   operation needs these (``crop.py``).
7. ``propagation.py`` goes through the operations behind the site. Each operation has a rule in
   ``rules/`` (or ``recurrent/``), which turns the patch of its input into that of its output: in a
   linear operation from the difference alone, in others from the faulty values. The patch grows
   as operations look around: one channel, a window (``kernel.py``), the whole value. Without a
   rule, or where a rule declines, the operation itself computes the whole value for all rows.
8. Where a single value goes on (`Graph.bottlenecks`), rows that came to agree with the golden ones
   leave the pass, and rows that entered elsewhere can join it. What leaves has golden outputs.
9. The patch of the last slot, put onto golden values, is the outputs.

Where the order of a sum matters more than rounding, the differences are not the model's, and the
caller is told: ``overflow.py`` finds values so large that sums may overflow in one order and not in
another (which does not matter where they go into gates: ``saturation.py``), and `Replayer.exact` is
set for 16-bit formats, whose sums are rounded once.
"""

from radhard.replay.deviation import Deviation
from radhard.replay.difference import Difference
from radhard.replay.graph import Graph, Node, NoGraphError, Slot
from radhard.replay.replayer import Replayer
from radhard.replay.rules import CHANNELWISE
from radhard.replay.word_change import WordChange

__all__ = [
    "CHANNELWISE",
    "Deviation",
    "Difference",
    "Graph",
    "NoGraphError",
    "Node",
    "Replayer",
    "Slot",
    "WordChange",
]
