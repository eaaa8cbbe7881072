"""Binary addition trained by NumPy, PyTorch and JAX; timed by bench_peers.py beside carrylane.

Every peer trains the same net on the same additions as carrylane does: forward, backpropagation through all steps, plain SGD, f32. Its
minibatches are made beforehand. Importing this sets each library to one thread.
"""

from .net import LR, Case, Peer, off  # first: it sets the variables that the libraries read
from .of_jax import Jax, JaxMany, JaxNetsLast, JaxVmap
from .of_numpy import Notebook, Numpy
from .of_torch import TorchCompile, TorchNn

__all__ = ["LR", "PACKAGES", "PEERS", "Case", "Peer", "off", "runs"]

PEERS: dict[str, type[Peer]] = {
    "numpy": Numpy,
    "torch-nn": TorchNn,
    "torch-compile": TorchCompile,
    "jax-scan": Jax,
    "jax-many": JaxMany,
    "jax-vmap": JaxVmap,
    "jax-nets-last": JaxNetsLast,
    "notebook": Notebook,
}
PACKAGES = {name: "numpy" if name == "notebook" else name.split("-")[0] for name in PEERS}


def runs(name: str, case: Case) -> bool:
    """Whether a peer is worth a case. Online, only the two that have little to do between steps, and the notebook's loop, which knows no
    other way; torch-compile for Elman nets alone, since it takes longer to compile an LSTM than all others are timed. Populations of Elman nets, by
    the two ways JAX has."""
    if case.nets > 1 or issubclass(PEERS[name], JaxVmap):
        return case.nets > 1 and issubclass(PEERS[name], JaxVmap) and case.cell == "elman"
    if case.batch == 1:
        return name in ("numpy", "jax-many") or name == "notebook" and case.cell == "elman" and case.bits <= 16
    return name != "notebook" and (name != "torch-compile" or case.cell == "elman")
