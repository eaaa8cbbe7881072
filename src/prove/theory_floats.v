(* Nets of floats that add two numbers of any width, however their roundings fall.

   This file is to be read and trusted, with PART 1 of Theory.v. It says what a net is, and which values and answers an evaluation
   within ε may have. FloatsProof.v has a check of boxes, and the proof that every evaluation of a net that passes answers the sum.

   Both serve every net. A net's own file has its weights and boxes, and ends with the theorem about it. No axiom is used. *)
From Coq Require Import ZArith QArith Qabs Qminmax List Bool.
Import ListNotations.
Open Scope Q_scope.

(* ---- A net ---- *)
(* Numbers are exact: x in units of 2^-p. *)
Definition q (p : positive) (x : Z) : Q := x # 2 ^ p.

Inductive activation := Sigmoid | Tanh | Relu.
Inductive kind := Elman | Dynamic | Lstm (notebook : bool).

(* The weights of one pre-activation. *)
Record row := Row { w_hh : list Z; w_a : Z; w_b : Z; bias : Z }.
Record net := Net {
  cell : kind; scale : positive;          (* The unit of weights and of ε is 2^-scale. *)
  epsilon : Z;
  gates : list (activation * list row);   (* An LSTM has i, f, g, o; others have one. *)
  phi : activation;                       (* An LSTM's, of c. *)
  psi : activation; output : row
}.
Definition real (n : net) : Z -> Q := q (scale n).

(* What is carried from bit to bit: h, an LSTM's c, and the bits before, which only the dynamic cell reads. *)
Record state := State { h : list Q; c : list Q; before : bool * bool }.
Definition start (n : net) : state :=
  let zeros := map (fun _ => 0) (w_hh (output n)) in State zeros (match cell n with Lstm _ => zeros | _ => [] end) (false, false).

(* Each row has its length, ε is above 0, and there are as many gates as the cell has. *)
Definition well_formed (n : net) : bool :=
  let long {A} (list : list A) := Nat.eqb (length list) (length (w_hh (output n))) in
  (0 <? epsilon n)%Z && Nat.eqb (length (gates n)) (match cell n with Lstm _ => 4 | _ => 1 end)
  && forallb (fun g => long (snd g) && forallb (fun r => long (w_hh r)) (snd g)) (gates n).

(* ---- Activations ---- *)
(* (1 + z/2^k)^(2^k), 0 where 1 + z/2^k is negative. It is never above e^z, and tends to it: 1 + z <= e^z = (e^(z/2))^2. *)
Fixpoint exp_below (k : nat) (z : Q) : Q :=
  match k with O => Qmax 0 (1 + z) | S k => let y := exp_below k (z / 2) in y * y end.

(* Bounds that tend to an activation, by σ z = e^z / (1 + e^z) = 1 - σ(-z) and tanh z = 2 σ(2z) - 1. *)
Definition sigmoid_below (k : nat) (z : Q) : Q := let y := exp_below k z in y / (1 + y).
Definition below (k : nat) (f : activation) (z : Q) : Q :=
  match f with Sigmoid => sigmoid_below k z | Tanh => 2 * sigmoid_below k (2 * z) - 1 | Relu => Qmax 0 z end.
Definition above (k : nat) (f : activation) (z : Q) : Q :=
  match f with Sigmoid => 1 - sigmoid_below k (- z) | Tanh => 1 - 2 * sigmoid_below k (- (2 * z)) | Relu => Qmax 0 z end.

(* v is off by at most ε from f(z). *)
Definition squashed (n : net) (f : activation) (z v : Q) : Prop :=
  forall k, below k f z - real n (epsilon n) <= v <= above k f z + real n (epsilon n).

(* ---- A step ---- *)
(* v is off from a sum by at most ε (1 + the magnitudes of its terms). *)
Definition sum (terms : list Q) : Q := fold_right Qplus 0 terms.
Definition near (n : net) (terms : list Q) (v : Q) : Prop :=
  Qabs (v - sum terms) <= real n (epsilon n) * (1 + sum (map Qabs terms)).

(* The dynamic cell's factor of w_hh h: e^(distance of the bits from those before); e = 2.718281828459045…, e^√2 = 4.113250378782927…. *)
Definition has_digits (digits : Z) (s : Q) : Prop := digits # 10 ^ 15 <= s <= digits + 1 # 10 ^ 15.
Definition stretch (n : net) (before now : bool * bool) (s : Q) : Prop :=
  match cell n, xorb (fst before) (fst now), xorb (snd before) (snd now) with
  | Dynamic, true, true => has_digits 4113250378782927 s
  | Dynamic, true, false | Dynamic, false, true => has_digits 2718281828459045 s
  | _, _, _ => s == 1
  end.

Fixpoint map2 {A B C} (f : A -> B -> C) (x : list A) (y : list B) : list C :=
  match x, y with a :: x, b :: y => f a b :: map2 f x y | _, _ => [] end.
Definition terms (n : net) (s : Q) (h : list Q) (a b : bool) (r : row) : list Q :=
  [real n (bias r); real n (if a then w_a r else 0); real n (if b then w_b r else 0)]
    ++ map (Qmult s) (map2 (fun w h => real n w * h) (w_hh r) h).
Definition gate (n : net) (s : Q) (h : list Q) (a b : bool) (g : activation * list row) (v : list Q) : Prop :=
  exists z, Forall2 (near n) (map (terms n s h a b) (snd g)) z /\ Forall2 (squashed n (fst g)) z v.

(* From x, bits a and b may lead to y. *)
Definition step (n : net) (x : state) (a b : bool) (y : state) : Prop :=
  before y = (a, b) /\ exists s v, stretch n (before x) (a, b) s /\ Forall2 (gate n s (h x) a b) (gates n) v /\
  match cell n, v with
  | Lstm notebook, [i; f; g; o] => exists z p,
      Forall2 (near n) (map2 (fun x y => [x; y]) (map2 Qmult g i) (map2 Qmult (c x) f)) z
      /\ Forall2 (squashed n (phi n)) z p
      /\ Forall2 (near n) (map2 (fun p o => [p * o]) p o) (h y) /\ c y = if notebook then p else z
  | Lstm _, _ => False
  | _, [v] => h y = v /\ c y = []
  | _, _ => False
  end.

(* In x, the answer may be this bit: whether the output is above ½. *)
Definition answered (n : net) (x : state) (bit : bool) : Prop :=
  exists z y, near n (terms n 1 (h x) false false (output n)) z /\ squashed n (psi n) z y /\ bit = negb (Qle_bool y (1 # 2)).

(* From x, an evaluation may answer so to bits of two numbers. *)
Inductive evaluation (n : net) : state -> list (bool * bool) -> list bool -> Prop :=
  | Done x : evaluation n x [] []
  | Next x a b y bit inputs answers : step n x a b y -> answered n y bit -> evaluation n y inputs answers ->
      evaluation n x ((a, b) :: inputs) (bit :: answers).

(* A net's own file ends with the theorem that it is well formed, and adds, whatever the width n and whichever the evaluation:
   forall n a b : N, a < 2 ^ n -> b < 2 ^ n ->
   forall answers, evaluation the_net (start the_net) (bits (N.to_nat (n + 1)) a b) answers -> number answers = a + b *)
