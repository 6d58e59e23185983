"""Do the claims about instances come out where they are true, and only there?"""

import numpy as np

from radhard.studies import NETWORKS
from radhard.studies.encoding_instances import ENCODING_INSTANCES, SIGN, TWOS
from radhard.studies.instances import InstanceFindings
from tests.studies.instances.test_instance_findings import curve

KNEES = 2.0 ** np.array([-2, -1, 0, 1, 2, -1.5, 1.5, 0.5])


def verdicts(twos, sign):
    curves = {
        name: [curve(knee) for knee in 1e-4 * knees] for name, knees in ((TWOS, twos), (SIGN, sign))
    }
    claims = ENCODING_INSTANCES.claims(InstanceFindings("made up", 100, curves))
    return [claim.verdict for claim in claims]


def test_where_instances_are_as_in_the_paper_what_compares_encodings_holds():
    assert verdicts(KNEES, 5 * KNEES**0.2)[:7] == ["holds"] * 7


def test_where_they_are_the_other_way_round_it_does_not():
    assert verdicts(5 * KNEES**0.2, KNEES)[:7] == ["does not hold"] * 7


def test_design_is_that_of_the_paper():
    design = ENCODING_INSTANCES.design
    assert (design.instances, design.runs) == (20, 50)
    assert design.increases == (0.005, 0.01, 0.05, 0.1)
    assert set(ENCODING_INSTANCES.networks) <= set(NETWORKS)
