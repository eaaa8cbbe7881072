"""Plain NumPy: the loop of the notebooks, and as it is well written."""

import copy

import numpy as np

from .net import LR, Array, Case, Peer, initial, sigmoid


class Notebook(Peer):
    """The online loop that people learn this from, a sample at a time in f64: a table of bits, lists of states, no biases."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.p = {name: value.astype(np.float64) for name, value in initial(case).items() if name != "b_o"}
        self.w_ih, self.rng, self.first = self.p["w_ih"][:2], np.random.RandomState(0), None
        self.table = {v: np.array([v >> t & 1 for t in range(case.bits)]) for v in range(1 << case.bits)}

    def train(self) -> None:
        w_ih, w_hh, w_ho = self.w_ih, self.p["w_hh"], self.p["w_ho"]
        a, b = self.rng.randint(1 << (self.case.bits - 1)), self.rng.randint(1 << (self.case.bits - 1))
        self.first = self.first or (a, b)
        a_bits, b_bits, c_bits = self.table[a], self.table[b], self.table[a + b]
        states, output_deltas = [np.zeros((1, self.case.hidden))], []
        for t in range(self.case.bits):
            h = sigmoid(np.dot(np.array([[a_bits[t], b_bits[t]]]), w_ih) + np.dot(states[-1], w_hh))
            y = sigmoid(np.dot(h, w_ho))
            output_deltas.append((np.array([[c_bits[t]]]) - y) * y * (1 - y))
            states.append(copy.deepcopy(h))
        updates = [np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros_like(w_ho)]
        later = np.zeros((1, self.case.hidden))
        for t in reversed(range(self.case.bits)):
            h, h_prev = states[t + 1], states[t]
            delta = (later.dot(w_hh.T) + output_deltas[t].dot(w_ho.T)) * h * (1 - h)
            updates[0] += np.array([[a_bits[t], b_bits[t]]]).T.dot(delta)
            updates[1] += h_prev.T.dot(delta)
            updates[2] += h.T.dot(output_deltas[t])
            later = delta
        for weights, update in zip((w_ih, w_hh, w_ho), updates, strict=True):
            weights += update * LR

    def params(self) -> dict[str, Array]:
        return dict(self.p)

    def seen(self) -> tuple[Array, Array]:
        a, b, c = (self.table[v].astype(np.float64) for v in (*self.first, sum(self.first)))
        return np.stack([a, b, 0 * a], -1)[None, :, None], c[None, :, None, None]


class Numpy(Peer):
    """Well-written NumPy: no allocation in the large, one product for all steps wherever there need not be one a step."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        t, b, n, gates = case.bits, case.batch, case.hidden, case.gates
        self.p = initial(case)
        self.h, self.c = np.zeros((t + 1, b, n), np.float32), np.zeros((t + 1, b, n), np.float32)
        self.z, self.dz = np.empty((t, b, gates * n), np.float32), np.empty((t, b, gates * n), np.float32)
        self.dh, self.tanh_c = np.empty((t, b, n), np.float32), np.empty((t, b, n), np.float32)
        self.scratch, self.dc = np.empty((b, n), np.float32), np.empty((b, n), np.float32)
        self.gates, self.dgates = ([[z_t[:, k * n : k * n + n] for k in range(gates)] for z_t in z] for z in (self.z, self.dz))

    def train(self) -> None:
        case, p, index = self.case, self.p, self.next()
        x, target = self.x[index].reshape(-1, 3), self.target[index].reshape(-1, 1)
        n, rows = case.hidden, case.bits * case.batch
        np.matmul(x, p["w_ih"], out=self.dz.reshape(rows, -1))  # dz is free until the way back
        for t in range(case.bits):
            z = self.z[t] if case.cell == "lstm" else self.h[t + 1]
            np.matmul(self.h[t], p["w_hh"], out=z)
            z += self.dz[t]
            squashed = z[:, : 3 * n]
            np.negative(squashed, out=squashed)
            np.exp(squashed, out=squashed)
            squashed += np.float32(1)
            np.reciprocal(squashed, out=squashed)
            if case.cell == "lstm":
                self.keep(t)
        h = self.h[1:].reshape(rows, n)
        y = sigmoid(h @ p["w_ho"] + p["b_o"])
        dy = (y - target) * y * (1 - y) / np.float32(case.batch)
        np.matmul(dy, p["w_ho"].T, out=self.dh.reshape(rows, n))
        (self.lstm_back if case.cell == "lstm" else self.elman_back)()
        dz, lr = self.dz.reshape(rows, -1), np.float32(LR)
        h_prev = self.h[:-1].reshape(rows, n)
        for name, d in (("w_ih", x.T @ dz), ("w_hh", h_prev.T @ dz), ("w_ho", h.T @ dy), ("b_o", dy.sum(0))):
            d *= lr
            p[name] -= d

    def elman_back(self) -> None:
        h, dz = self.h[1:], self.dz
        np.subtract(np.float32(1), h, out=dz)
        dz *= h
        dz[-1] *= self.dh[-1]
        for t in reversed(range(self.case.bits - 1)):
            np.matmul(dz[t + 1], self.p["w_hh"].T, out=self.scratch)
            self.scratch += self.dh[t]
            dz[t] *= self.scratch

    def keep(self, t: int) -> None:
        """c and h of an LSTM's step, from its gates."""
        i, f, o, g = self.gates[t]
        np.tanh(g, out=g)
        np.multiply(f, self.c[t], out=self.c[t + 1])
        np.multiply(i, g, out=self.scratch)
        self.c[t + 1] += self.scratch
        np.tanh(self.c[t + 1], out=self.tanh_c[t])
        np.multiply(o, self.tanh_c[t], out=self.h[t + 1])

    def lstm_back(self) -> None:
        one, n, scratch, dc = np.float32(1), self.case.hidden, self.scratch, self.dc
        dc[:] = 0
        for t in reversed(range(self.case.bits)):
            dh, tanh_c = self.dh[t], self.tanh_c[t]
            if t + 1 < self.case.bits:
                np.matmul(self.dz[t + 1], self.p["w_hh"].T, out=scratch)
                dh += scratch
            (i, f, o, g), (di, df, do, dg) = self.gates[t], self.dgates[t]
            np.multiply(tanh_c, tanh_c, out=scratch)
            np.subtract(one, scratch, out=scratch)
            scratch *= dh
            scratch *= o
            dc += scratch
            np.multiply(dc, g, out=di)
            np.multiply(dc, self.c[t], out=df)
            np.multiply(dh, tanh_c, out=do)
            gates, slopes = self.z[t][:, : 3 * n], self.dz[t][:, : 3 * n]
            slopes *= gates
            slopes *= one - gates
            np.multiply(g, g, out=scratch)
            np.subtract(one, scratch, out=scratch)
            scratch *= i
            np.multiply(scratch, dc, out=dg)
            dc *= f

    def params(self) -> dict[str, Array]:
        return self.p
