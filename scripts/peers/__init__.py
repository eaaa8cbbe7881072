"""Binary addition trained by NumPy, PyTorch and JAX; timed by bench_peers.py beside carrylane.

Every peer trains the same net on the same additions as carrylane does: forward, backpropagation through all steps, plain SGD, f32. Its
minibatches are made beforehand. Importing this sets each library to one thread.
"""

from .net import LR, Case, Peer, off  # first: it sets the variables that the libraries read
from .of_jax import Jax, JaxMany
from .of_numpy import Notebook, Numpy
from .of_torch import TorchCompile, TorchNn

__all__ = ["LR", "PACKAGES", "PEERS", "Case", "Peer", "off", "runs"]

PEERS: dict[str, type[Peer]] = {
    "numpy": Numpy,
    "torch-nn": TorchNn,
    "torch-compile": TorchCompile,
    "jax-scan": Jax,
    "jax-many": JaxMany,
    "notebook": Notebook,
}
PACKAGES = {"numpy": "numpy", "notebook": "numpy", "torch-nn": "torch", "torch-compile": "torch", "jax-scan": "jax", "jax-many": "jax"}


def runs(name: str, case: Case) -> bool:
    """Whether a peer is worth a case. Online, only the two that have little to do between steps, and the notebook's loop, which knows no
    other way; torch-compile for Elman nets alone, since it takes longer to compile an LSTM than all others are timed."""
    if case.batch == 1:
        return name in ("numpy", "jax-many") or name == "notebook" and case.cell == "elman" and case.bits <= 16
    return name != "notebook" and (name != "torch-compile" or case.cell == "elman")
