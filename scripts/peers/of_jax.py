"""JAX: a step, or many steps, in one `jit`."""

from typing import Any

import numpy as np

from .net import LR, SPREAD_OF_BITS, Array, Case, Params, Peer, initial

FLOP_OF_A_CALL = 1e10  # of many steps; more would take longer than a part of a measurement


class Jax(Peer):
    """A step in one `jit`: `lax.scan` over time, its gradient by `jax.grad`."""

    unroll, many = 1, False

    def __init__(self, case: Case) -> None:
        import jax

        super().__init__(case)
        self.jax = jax
        if self.many:
            self.steps = int(min(max(FLOP_OF_A_CALL / (case.flops * case.batch), 1), SPREAD_OF_BITS))
        losses = self.by_hand if self.many and case.cell == "elman" else jax.value_and_grad(self.loss)

        def step(p: Params, minibatch: Any) -> tuple[Params, Any]:
            loss, d = losses(p, *minibatch)
            return jax.tree.map(lambda value, d: value - LR * d, p, d), loss

        self.step = jax.jit((lambda p, data: jax.lax.scan(step, p, data)) if self.many else step, donate_argnums=0)
        x, target = (jax.numpy.asarray(data) for data in (self.x, self.target))
        self.data = [(x[: self.steps], target[: self.steps])] if self.many else list(zip(x, target, strict=True))
        self.p: Params = {name: jax.numpy.asarray(value) for name, value in initial(case).items()}

    def train(self) -> None:
        self.p, loss = self.step(self.p, self.data[self.next() % len(self.data)])
        loss.block_until_ready()

    def elman(self, p: Params, x: Any) -> Any:
        def step(h: Any, inputs: Any) -> tuple[Any, Any]:
            h = self.jax.nn.sigmoid(inputs + h @ p["w_hh"])
            return h, h

        start = self.jax.numpy.zeros((self.case.batch, self.case.hidden), "float32")
        return self.jax.lax.scan(step, start, x @ p["w_ih"], unroll=self.unroll)[1]

    def lstm(self, p: Params, x: Any) -> Any:
        jnp, n = self.jax.numpy, self.case.hidden

        def step(state: Any, inputs: Any) -> tuple[Any, Any]:
            h, c = state
            z = inputs + h @ p["w_hh"]
            gates, g = self.jax.nn.sigmoid(z[:, : 3 * n]), jnp.tanh(z[:, 3 * n :])
            c = gates[:, n : 2 * n] * c + gates[:, :n] * g
            h = gates[:, 2 * n :] * jnp.tanh(c)
            return (h, c), h

        start = jnp.zeros((self.case.batch, n), "float32")
        return self.jax.lax.scan(step, (start, start), x @ p["w_ih"], unroll=self.unroll)[1]

    def loss(self, p: Params, x: Any, target: Any) -> Any:
        h = self.lstm(p, x) if self.case.cell == "lstm" else self.elman(p, x)
        y = self.jax.nn.sigmoid(h @ p["w_ho"] + p["b_o"])
        return 0.5 * ((y - target) ** 2).sum() / self.case.batch

    def by_hand(self, p: Params, x: Any, target: Any) -> tuple[Any, Params]:
        """Loss and gradient of an Elman net, its weight gradients as one product over all steps."""
        jnp, n = self.jax.numpy, self.case.hidden
        h = self.elman(p, x)
        y = self.jax.nn.sigmoid(h @ p["w_ho"] + p["b_o"])
        dy = (y - target) * y * (1 - y) / self.case.batch

        def back(dz: Any, step: Any) -> tuple[Any, Any]:
            dh, slope = step
            dz = (dh + dz @ p["w_hh"].T) * slope
            return dz, dz

        way_back = (dy * p["w_ho"][:, 0], h * (1 - h))
        _, dz = self.jax.lax.scan(back, jnp.zeros_like(h[0]), way_back, reverse=True, unroll=self.unroll)
        h_prev, dz, dy_rows = jnp.concatenate([jnp.zeros_like(h[:1]), h[:-1]]), dz.reshape(-1, n), dy.reshape(-1, 1)
        d = {"w_ih": x.reshape(-1, 3).T @ dz, "w_hh": h_prev.reshape(-1, n).T @ dz, "w_ho": h.reshape(-1, n).T @ dy_rows}
        return 0.5 * ((y - target) ** 2).sum() / self.case.batch, d | {"b_o": dy_rows.sum(0)}

    def params(self) -> dict[str, Array]:
        return {name: np.asarray(value) for name, value in self.p.items()}


class JaxMany(Jax):
    """Many steps in one `jit`, the scans over time unrolled; an Elman net's gradient written by hand."""

    many = True

    def __init__(self, case: Case) -> None:
        self.unroll = case.bits
        super().__init__(case)


class JaxVmap(JaxMany):
    """A population: many steps in one `jit`, `vmap` over nets, each one's gradient by hand. Net i begins at minibatch i."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        jax, jnp = self.jax, self.jax.numpy

        def step(p: Params, minibatch: Any) -> tuple[Params, Any]:
            loss, d = self.losses(p, *minibatch)
            return jax.tree.map(lambda value, d: value - LR * d, p, d), loss

        self.step = jax.jit(lambda p, data: jax.lax.scan(step, p, data), donate_argnums=0)
        rolled = [np.stack([np.roll(data, -net, 0)[: self.steps] for net in range(case.nets)]) for data in (self.x, self.target)]
        self.data = [tuple(jnp.asarray(np.moveaxis(data, 0, self.place(1))) for data in rolled)]
        start = {name: np.stack([value] * case.nets) for name, value in initial(case).items()}
        self.p = {name: jnp.asarray(np.moveaxis(value, 0, self.place(0))) for name, value in start.items()}

    def place(self, first: int) -> int:
        """Where the axis of nets is, in data or parameters."""
        return first

    def losses(self, p: Params, x: Any, target: Any) -> tuple[Any, Params]:
        return self.jax.vmap(self.by_hand)(p, x, target)

    def params(self) -> dict[str, Array]:
        return {name: np.take(np.asarray(value), 0, self.place(0)) for name, value in self.p.items()}


class JaxNetsLast(JaxVmap):
    """A population whose nets are the last axis, so that they are lanes: products are sums of elements."""

    def place(self, first: int) -> int:
        return -1

    def losses(self, p: Params, x: Any, target: Any) -> tuple[Any, Params]:
        """x `[step, sample, 3, net]`, target `[step, sample, 1, net]`; what is of a step is `[sample, unit, net]`."""
        jnp, sigmoid = self.jax.numpy, self.jax.nn.sigmoid
        hidden, slopes, dz = [], [], None
        for x_t in x:
            z = (x_t[:, :, None] * p["w_ih"]).sum(1)
            if hidden:
                z = z + (hidden[-1][:, :, None] * p["w_hh"]).sum(1)
            hidden.append(sigmoid(z))
            slopes.append(hidden[-1] * (1 - hidden[-1]))
        h = jnp.stack(hidden)
        y = sigmoid((h * p["w_ho"][:, 0]).sum(2) + p["b_o"])
        dy = (y - target[:, :, 0]) * y * (1 - y) / self.case.batch
        back = []
        for dy_t, slope in zip(dy[::-1], slopes[::-1], strict=True):
            dh = dy_t[:, None] * p["w_ho"][:, 0]
            if dz is not None:
                dh = dh + (dz[:, None] * p["w_hh"]).sum(2)
            dz = dh * slope
            back.append(dz)
        dz = jnp.stack(back[::-1])
        d = {"w_ih": (x[:, :, :, None] * dz[:, :, None]).sum((0, 1)), "w_hh": (h[:-1, :, :, None] * dz[1:, :, None]).sum((0, 1))}
        d |= {"w_ho": (h * dy[:, :, None]).sum((0, 1))[:, None], "b_o": dy.sum((0, 1))[None]}
        return 0.5 * ((y - target[:, :, 0]) ** 2).sum((0, 1)) / self.case.batch, d
