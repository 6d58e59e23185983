"""Which studies are there?"""

from typing import Any

from radhard.errors import InputError
from radhard.factory import made
from radhard.spec import near
from radhard.studies.activation_bounds import ACTIVATION_BOUNDS
from radhard.studies.ares_sites import ARES_SITES
from radhard.studies.channel_duplication import CHANNEL_DUPLICATION
from radhard.studies.cnn_reliability import CNN_RELIABILITY
from radhard.studies.data_encoding import DATA_ENCODING
from radhard.studies.encoding_instances import ENCODING_INSTANCES
from radhard.studies.exhausted_resnet20 import EXHAUSTED_RESNET20
from radhard.studies.gait import GAIT
from radhard.studies.ground_truth import GROUND_TRUTH
from radhard.studies.guided_ecc import GUIDED_ECC
from radhard.studies.hybrid_systolic import HYBRID_SYSTOLIC
from radhard.studies.lstm_hamming import LSTM_HAMMING
from radhard.studies.memory_codes import MEMORY_CODES
from radhard.studies.qdeepvigor_copies import QDEEPVIGOR_COPIES
from radhard.studies.stagenet_clipping import STAGENET
from radhard.studies.study import Study
from radhard.studies.vulnerability_pruning_study import VULNERABILITY_PRUNING

__all__ = ["STUDIES", "study_named"]

STUDIES: dict[str, Study[Any]] = {
    study.name: study
    for study in (
        ACTIVATION_BOUNDS,
        ARES_SITES,
        CHANNEL_DUPLICATION,
        CNN_RELIABILITY,
        DATA_ENCODING,
        ENCODING_INSTANCES,
        EXHAUSTED_RESNET20,
        GAIT,
        GROUND_TRUTH,
        GUIDED_ECC,
        HYBRID_SYSTOLIC,
        LSTM_HAMMING,
        MEMORY_CODES,
        QDEEPVIGOR_COPIES,
        STAGENET,
        VULNERABILITY_PRUNING,
    )
}
"""All of them, by name."""


def study_named(name: str) -> Study[Any]:
    """The study of this name, or your own from a function that returns a `Study`.

    A name with a colon, ``file.py:function`` or ``package.module:function``, is such a function;
    it is run.

    Raises:
        InputError: there is none of this name, or the function returns something else.

    >>> study_named("activation-bounds").networks[0]
    'lenet5'
    """
    if ":" in name or name.endswith(".py"):
        study = made(name)
        if not isinstance(study, Study):
            raise InputError(
                f"{name!r} returned {type(study).__name__}; a radhard.studies.Study is needed"
            )
        return study
    if name not in STUDIES:
        raise InputError(
            f"there is no study {name!r}: {near(name, list(STUDIES))}one of {', '.join(STUDIES)}, "
            "or your own as 'file.py:function' that returns a Study"
        )
    return STUDIES[name]
