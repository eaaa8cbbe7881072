"""What every peer learns: the net, its additions, and what plain SGD in f64 makes of it, which peers are held against."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # they may name a slower kernel than the processor has
    os.environ.pop(name, None)
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import numpy as np  # noqa: E402 (reads the variables above)

Array = np.ndarray
Params = dict[str, Any]
LR = 0.1
SPREAD_OF_BITS = 64  # minibatches that a peer goes round and round


@dataclass(frozen=True)
class Case:
    """One net and minibatch, or several such nets that learn side by side, each on its own minibatches."""

    cell: str
    hidden: int
    bits: int
    batch: int
    nets: int = 1

    @property
    def gates(self) -> int:
        return 4 if self.cell == "lstm" else 1

    @property
    def flops(self) -> float:
        """Of a sample's recurrent products, as `carrylane bench` counts them."""
        return 6.0 * self.gates * self.hidden**2 * (self.bits - 1)


def minibatches(case: Case, count: int) -> tuple[Array, Array]:
    """x [count, bits, batch, 3] and targets [count, bits, batch, 1], least significant bit first. The third input is 1: its weights
    are the hidden units' biases, at no extra cost to anyone."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 1 << (case.bits - 1), size=(2, count, 1, case.batch), dtype=np.uint64)
    steps = np.arange(case.bits, dtype=np.uint64)[None, :, None]
    bits = [(number >> steps & np.uint64(1)).astype(np.float32) for number in (a, b, a + b)]
    return np.stack([bits[0], bits[1], np.ones_like(bits[0])], -1), bits[2][..., None]


def initial(case: Case) -> dict[str, Array]:
    """w_ih [3, gates hidden], w_hh [hidden, gates hidden], w_ho [hidden, 1], b_o [1]. Gates in the order i, f, o, g: three sigmoids
    side by side are one pass over memory."""
    rng, spread = np.random.default_rng(1), case.hidden**-0.5
    shapes = {"w_ih": (3, case.gates * case.hidden), "w_hh": (case.hidden, case.gates * case.hidden), "w_ho": (case.hidden, 1)}
    p = {name: rng.uniform(-spread, spread, shape).astype(np.float32) for name, shape in shapes.items()}
    return p | {"b_o": np.zeros(1, np.float32)}


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def gradient(case: Case, p: dict[str, Array], x: Array, target: Array, activation: str = "sigmoid") -> tuple[float, dict[str, Array]]:
    """Loss ½ Σ_t (y − target)², mean over the batch, and its gradient: a step at a time, in the precision of `p`."""
    n, hidden = case.hidden, [np.zeros((x.shape[1], case.hidden))]
    cells, gates = [hidden[0]], []
    for x_t in x:
        z = x_t @ p["w_ih"] + hidden[-1] @ p["w_hh"]
        if case.cell == "lstm":
            i, f, o, g = sigmoid(z[:, :n]), sigmoid(z[:, n : 2 * n]), sigmoid(z[:, 2 * n : 3 * n]), np.tanh(z[:, 3 * n :])
            gates.append((i, f, o, g))
            cells.append(f * cells[-1] + i * g)
            hidden.append(o * np.tanh(cells[-1]))
        else:
            hidden.append(np.tanh(z) if activation == "tanh" else sigmoid(z))
    d = {name: np.zeros_like(value) for name, value in p.items()}
    dh, dc, loss = np.zeros_like(hidden[0]), np.zeros_like(hidden[0]), 0.0
    for t in reversed(range(len(x))):
        h, y = hidden[t + 1], sigmoid(hidden[t + 1] @ p["w_ho"] + p["b_o"])
        loss += float(0.5 * ((y - target[t]) ** 2).sum() / len(h))
        dy = (y - target[t]) * y * (1 - y) / len(h)
        dh = dh + dy @ p["w_ho"].T
        if case.cell == "lstm":
            (i, f, o, g), tanh_c = gates[t], np.tanh(cells[t + 1])
            dc = dc + dh * o * (1 - tanh_c**2)
            dz = np.hstack([dc * g * i * (1 - i), dc * cells[t] * f * (1 - f), dh * tanh_c * o * (1 - o), dc * i * (1 - g**2)])
            dc = dc * f
        else:
            dz = dh * (1 - h**2 if activation == "tanh" else h * (1 - h))
        for name, part in (("w_ih", x[t].T @ dz), ("w_hh", hidden[t].T @ dz), ("w_ho", h.T @ dy), ("b_o", dy.sum(0))):
            d[name] += part
        dh = dz @ p["w_hh"].T
    return loss, d


def descend(case: Case, p: dict[str, Array], x: Array, target: Array, activation: str) -> dict[str, Array]:
    """`p` after a step of SGD on each minibatch, in f64."""
    p = {name: value.astype(np.float64) for name, value in p.items()}
    for x_step, target_step in zip(x, target, strict=True):
        _, d = gradient(case, p, x_step, target_step, activation)
        p = {name: value - LR * d[name] for name, value in p.items()}
    return p


class Peer:
    """A program that trains a net: it goes on to its next minibatch, or several, with every call, and returns when the work is done."""

    activation = "sigmoid"
    steps = 1

    def __init__(self, case: Case) -> None:
        self.case, self.calls = case, 0
        self.x, self.target = minibatches(case, SPREAD_OF_BITS)

    def next(self) -> int:
        self.calls += 1
        return (self.calls - 1) % len(self.x)

    def train(self) -> None:
        raise NotImplementedError

    def params(self) -> dict[str, Array]:
        """What it has learned, by the names and in the layout of `initial`; a parameter it does not have is left out."""
        raise NotImplementedError

    def seen(self) -> tuple[Array, Array]:
        """The minibatches of the first call."""
        return self.x[: self.steps], self.target[: self.steps]


def off(peer: Peer) -> str | None:
    """Which parameter did not move as f64 moves it in the first call, if any: compared with the movement's norm, and with the rounding of
    the parameters, since f32 keeps the sum only."""
    p = initial(peer.case)
    wanted, found = descend(peer.case, p, *peer.seen(), peer.activation), peer.params()
    for name, value in found.items():
        error, moved = np.linalg.norm(value - wanted[name]), np.linalg.norm(wanted[name] - p[name])
        rounding = np.finfo(np.float32).eps * peer.steps * np.linalg.norm(wanted[name])
        if not error <= 2e-3 * moved + rounding:
            return f"{name} is off by {error / moved:.1e} of its movement"
    return None
