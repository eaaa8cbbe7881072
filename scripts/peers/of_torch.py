"""PyTorch: its own layers, and its compiler."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .net import LR, Array, Case, Params, Peer, initial


class Torch(Peer):
    """What PyTorch peers share; a model is `loss(x, target)` and its parameters."""

    def __init__(self, case: Case) -> None:
        import torch

        super().__init__(case)
        torch.set_num_threads(1)
        self.torch = torch
        self.loss, self.weights = self.model()
        self.optimizer = torch.optim.SGD(self.weights.values(), lr=LR, fused=True)
        self.tx, self.ttarget = torch.from_numpy(self.x), torch.from_numpy(self.target)

    def model(self) -> tuple[Callable, Params]:
        raise NotImplementedError

    def train(self) -> None:
        index = self.next()
        self.optimizer.zero_grad()
        self.loss(self.tx[index], self.ttarget[index]).backward()
        self.optimizer.step()


class TorchNn(Torch):
    """`nn.RNN`, which has no sigmoid but tanh, or `nn.LSTM`, with two inputs and their own two biases, the second 0 at first."""

    activation = "tanh"

    def model(self) -> tuple[Callable, Params]:
        nn, torch, p, n = self.torch.nn, self.torch, initial(self.case), self.case.hidden
        net = nn.LSTM(2, n) if self.case.cell == "lstm" else nn.RNN(2, n, nonlinearity="tanh")
        out = nn.Linear(n, 1)
        self.x = np.ascontiguousarray(self.x[..., :2])
        with torch.no_grad():
            net.weight_ih_l0.copy_(torch.from_numpy(self.gates(p["w_ih"][:2].T)))
            net.bias_ih_l0.copy_(torch.from_numpy(self.gates(p["w_ih"][2])))
            net.bias_hh_l0.zero_()
            net.weight_hh_l0.copy_(torch.from_numpy(self.gates(p["w_hh"].T)))
            out.weight.copy_(torch.from_numpy(p["w_ho"].T))
            out.bias.copy_(torch.from_numpy(p["b_o"]))

        def loss(x: Any, target: Any) -> Any:
            return 0.5 * ((torch.sigmoid(out(net(x)[0])) - target) ** 2).sum() / self.case.batch

        return loss, dict(net.named_parameters()) | {f"out.{name}": value for name, value in out.named_parameters()}

    def gates(self, weights: Array) -> Array:
        """The order i, f, g, o of i, f, o, g, and back, along the first axis."""
        if self.case.cell != "lstm":
            return weights.copy()
        i, f, o, g = np.split(weights, 4)
        return np.concatenate([i, f, g, o])

    def params(self) -> dict[str, Array]:
        w = {name: value.detach().numpy() for name, value in self.weights.items()}
        w_ih = np.vstack([self.gates(w["weight_ih_l0"]).T, self.gates(w["bias_ih_l0"])])
        return {"w_ih": w_ih, "w_hh": self.gates(w["weight_hh_l0"]).T, "w_ho": w["out.weight"].T, "b_o": w["out.bias"]}

    def seen(self) -> tuple[Array, Array]:
        x, target = super().seen()
        return np.concatenate([x, np.ones_like(target)], -1), target


class TorchCompile(Torch):
    """The steps written out, through `torch.compile`."""

    def model(self) -> tuple[Callable, Params]:
        torch, case = self.torch, self.case
        p = {name: torch.nn.Parameter(torch.from_numpy(value)) for name, value in initial(case).items()}

        def loss(x: Any, target: Any) -> Any:
            inputs, h = x @ p["w_ih"], x.new_zeros(case.batch, case.hidden)
            c, states = h, []
            for t in range(case.bits):
                z = inputs[t] + h @ p["w_hh"]
                if case.cell == "lstm":
                    i, f, o, g = z.chunk(4, 1)
                    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                    h = torch.sigmoid(o) * torch.tanh(c)
                else:
                    h = torch.sigmoid(z)
                states.append(h)
            y = torch.sigmoid(torch.stack(states) @ p["w_ho"] + p["b_o"])
            return 0.5 * ((y - target) ** 2).sum() / case.batch

        torch._dynamo.reset()
        return torch.compile(loss, dynamic=False, fullgraph=True), p

    def params(self) -> dict[str, Array]:
        return {name: value.detach().numpy() for name, value in self.weights.items()}
