(* A check of boxes, and why a net of floats that passes adds numbers of any width. Coq has been through it, so nobody else has to. *)
From Coq Require Import ZArith NArith QArith Qabs Qminmax List Bool Lia Lqa.
Require Import Theory Floats.
Import ListNotations.

(* ---- The check ---- *)
Open Scope Z_scope.
Local Infix "<<" := Z.shiftl (at level 35).
Local Infix ">>" := Z.shiftr (at level 35).

(* Numbers from the first to the second; and of some terms, what their sum lies between, and what their magnitudes come to at most. *)
Definition range : Type := Z * Z.
Record part := Part { lo : Z; hi : Z; most : Z }.

Definition add (x y : part) : part := Part (lo x + lo y) (hi x + hi y) (most x + most y).
Definition times (w : Z) (r : range) : part :=
  let '(x, y) := (w * fst r, w * snd r) in Part (Z.min x y) (Z.max x y) (Z.max (Z.abs x) (Z.abs y)).
Definition product (r s : range) : part :=
  let '(x, y) := (times (fst s) r, times (snd s) r) in Part (Z.min (lo x) (lo y)) (Z.max (hi x) (hi y)) (Z.max (most x) (most y)).
Fixpoint dot (ws : list Z) (rs : list range) : part :=
  match ws, rs with w :: ws, r :: rs => add (times w r) (dot ws rs) | _, _ => Part 0 0 0 end.

(* e^x from below, by 1 + x + x^2 (3 + x) / 6 of x/2^9, in units of 2^-p, as x is; 1/6 is 178956629/2^30 and a little more. *)
Fixpoint squares (times : nat) (p : positive) (y : Z) : Z :=
  match times with O => y | S times => let y := squares times p y in (y * y) >> Zpos p end.
Definition exp_low (p : positive) (x : Z) : Z :=
  let one := 1 << Zpos p in squares 9 p (one + x + ((x * x * (3 * one + x) * 178956629) >> Zpos (p + p + 30))).
Definition sigmoid_low (p : positive) (z : Z) : Z :=
  let most := 32 << Zpos p in
  if z <? - most then 0 else let p' := (p + 9)%positive in let y := exp_low p' (Z.min z most) in (y << Zpos p) / ((1 << Zpos p') + y).
Definition low (p : positive) (f : activation) (z : Z) : Z :=
  match f with Sigmoid => sigmoid_low p z | Tanh => 2 * sigmoid_low p (2 * z) - (1 << Zpos p) | Relu => Z.max 0 z end.
Definition high (p : positive) (f : activation) (z : Z) : Z :=
  match f with Sigmoid => (1 << Zpos p) - sigmoid_low p (- z) | Tanh => (1 << Zpos p) - 2 * sigmoid_low p (- (2 * z)) | Relu => Z.max 0 z end.

(* A box: where h and an LSTM's c are, with the carry, and for the dynamic cell the bits before. *)
Record box := Box { carried : bool; bits_before : bool * bool; h_in : list range; c_in : list range }.

Section Net.
Context (n : net) (p : positive).

(* Where a sum may be whose terms are in units of 2^-(p + s), and where an activation. *)
Definition sum_range (s : positive) (x : part) : range :=
  let off := ((epsilon n * ((1 << Zpos (p + s)) + most x)) >> Zpos (scale n)) + 1 in
  ((lo x - off) >> Zpos s, ((hi x + off) >> Zpos s) + 1).
Definition squash (f : activation) (z : range) : range :=
  let off := ((epsilon n << Zpos p) >> Zpos (scale n)) + 1 in (low p f (fst z) - off, high p f (snd z) + off).

Definition digits_range (digits : Z) : range := ((digits << Zpos p) / 10 ^ 15, ((digits + 1) << Zpos p) / 10 ^ 15 + 1).
Definition stretched (before now : bool * bool) (x : part) : part :=
  let by_digits digits :=
    let s := digits_range digits in let y := product (lo x, hi x) s in
    Part (lo y >> Zpos p) ((hi y >> Zpos p) + 1) (((snd s * most x) >> Zpos p) + 1) in
  match cell n, xorb (fst before) (fst now), xorb (snd before) (snd now) with
  | Dynamic, true, true => by_digits 4113250378782927
  | Dynamic, true, false | Dynamic, false, true => by_digits 2718281828459045
  | _, _, _ => x
  end.

(* A pre-activation, by what w_hh makes of a box, which is found once for all inputs. *)
Definition products (from : box) : list (list part) :=
  map (fun g => map (fun r => dot (w_hh r) (h_in from)) (snd g)) (gates n).
Definition given (a b : bool) (r : row) : part :=
  let '(x, y, z) := (bias r, if a then w_a r else 0, if b then w_b r else 0) in
  let sum := (x + y + z) << Zpos p in Part sum sum ((Z.abs x + Z.abs y + Z.abs z) << Zpos p).
Definition pre_activation (a b : bool) (x : part) (r : row) : range := sum_range (scale n) (add (given a b r) x).

(* Where h and c are after a step from a box. *)
Definition image (from : box) (products : list (list part)) (a b : bool) : list range * list range :=
  let gate g xs := map (squash (fst g)) (map2 (fun x => pre_activation a b (stretched (bits_before from) (a, b) x)) xs (snd g)) in
  match cell n, map2 gate (gates n) products with
  | Lstm notebook, [i; f; g; o] =>
      let z := map (sum_range p) (map2 add (map2 product g i) (map2 product (c_in from) f)) in
      let ps := map (squash (phi n)) z in (map (sum_range p) (map2 product ps o), if notebook then ps else z)
  | _, [v] => (v, [])
  | _, _ => ([], [])
  end.
Definition answers (hs : list range) (bit : bool) : bool :=
  let y := squash (psi n) (pre_activation false false (dot (w_hh (output n)) hs) (output n)) in
  if bit then 1 << Zpos p <? 2 * fst y else 2 * snd y <=? 1 << Zpos p.

(* Whether all of some ranges lies in a box of a carry. Nothing is computed that is not asked for. *)
Fixpoint within (inner outer : list range) : bool :=
  match inner, outer with
  | (l, u) :: inner, (low, high) :: outer => if low <=? l then if u <=? high then within inner outer else false else false
  | [], [] => true
  | _, _ => false
  end.
Definition takes (hs cs : list range) (k : bool) (now : bool * bool) (to : box) : bool :=
  if eqb k (carried to) && match cell n with
    | Dynamic => eqb (fst now) (fst (bits_before to)) && eqb (snd now) (snd (bits_before to)) | _ => true end
  then if within hs (h_in to) then within cs (c_in to) else false else false.
Definition leads (boxes : list box) (hs cs : list range) (k : bool) (now : bool * bool) : bool :=
  match find (takes hs cs k now) boxes with Some _ => true | None => false end.

(* The check: the start lies in a box, and from every box all inputs lead to the right answer and into a box of the carry. *)
Definition right (boxes : list box) (from : box) (products : list (list part)) (input : bool * bool) : bool :=
  let '((a, b), k) := (input, carried from) in let '(hs, cs) := image from products a b in
  answers hs (sum_bit a b k) && leads boxes hs cs (carry a b k) input.
Definition check (boxes : list box) : bool :=
  let zeros := map (fun _ => (0, 0)) in
  well_formed n && leads boxes (zeros (h (start n))) (zeros (c (start n))) false (false, false) &&
  forallb (fun from => let products := products from in forallb (right boxes from products) inputs) boxes.
End Net.

(* ---- Of numbers in units of 2^-p ---- *)
Open Scope Q_scope.
Ltac exact_q := unfold q, Qeq, Qle, Qlt, Qplus, Qmult, Qminus, Qopp; cbn [Qnum Qden];
  rewrite ?Pos2Z.inj_mul, ?Pos2Z.inj_pow, ?Pos2Z.inj_add, ?Z.pow_add_r by lia.
Lemma q_zero p : q p 0 == 0. Proof. reflexivity. Qed.
Lemma q_add p x y : q p (x + y) == q p x + q p y. Proof. exact_q. ring. Qed.
Lemma q_opp p x : q p (- x) == - q p x. Proof. exact_q. ring. Qed.
Lemma q_abs p x : q p (Z.abs x) == Qabs (q p x). Proof. reflexivity. Qed.
Lemma q_times p w x : q p (w * x) == (w # 1) * q p x. Proof. exact_q. ring. Qed.
Lemma q_mul p s x y : q (p + s) (x * y) == q p x * q s y. Proof. exact_q. ring. Qed.
Lemma q_shift p s x : q (p + s) (x << Zpos s) == q p x. Proof. rewrite Z.shiftl_mul_pow2 by lia. exact_q. ring. Qed.
Lemma q_units p x : q p (x << Zpos p) == x # 1. Proof. rewrite Z.shiftl_mul_pow2 by lia. exact_q. ring. Qed.
Lemma q_le p x y : (x <= y)%Z <-> q p x <= q p y.
Proof. exact_q. pose proof (Z.pow_pos_nonneg 2 (Zpos p)). nia. Qed.
Lemma q_down p s x : q p (x >> Zpos s) <= q (p + s) x <= q p ((x >> Zpos s) + 1).
Proof.
  rewrite Z.shiftr_div_pow2 by lia. exact_q. pose proof (Z.pow_pos_nonneg 2 (Zpos p)). pose proof (Z.pow_pos_nonneg 2 (Zpos s)).
  pose proof (Z.mul_div_le x (2 ^ Zpos s)). pose proof (Z.mul_succ_div_gt x (2 ^ Zpos s)). nia.
Qed.
Lemma one_positive p : (0 < 1 << Zpos p)%Z.
Proof. rewrite Z.shiftl_mul_pow2 by lia. pose proof (Z.pow_pos_nonneg 2 (Zpos p)). lia. Qed.

(* ---- Of activations ---- *)
Lemma exp_grows k : forall y z, y <= z -> 0 <= exp_below k y <= exp_below k z.
Proof.
  induction k as [|k IH]; cbn [exp_below]; intros y z L.
  - split; [apply Q.le_max_l|apply Q.max_le_compat_l; lra].
  - assert (y / 2 <= z / 2) as H by (apply Qle_shift_div_l; [|field_simplify]; lra). apply IH in H. nra.
Qed.
Lemma quotient_grows y z : 0 <= y <= z -> 0 <= y / (1 + y) <= z / (1 + z).
Proof.
  intros L. split; apply Qle_shift_div_l; try lra.
  setoid_replace (y / (1 + y) * (1 + z)) with ((y * (1 + z)) / (1 + y)) by (field; lra). apply Qle_shift_div_r; nra.
Qed.
Lemma sigmoid_grows k y z : y <= z -> 0 <= sigmoid_below k y <= sigmoid_below k z.
Proof. intros. now apply quotient_grows, exp_grows. Qed.

(* With t = 2^-k, (1 + x/2^k)^(2^k) is at least the first four terms of its binomial series. *)
Fixpoint half (k : nat) : Q := match k with O => 1 | S k => half k * (1 # 2) end.
Definition cubic (t x : Q) : Q := 1 + x + x * x * ((1 - t) * (1 # 2) + (1 - t) * (1 - 2 * t) * (1 # 6) * x).
Lemma cubic_below k : forall x, - (1 # 2) <= x <= 1 # 2 -> cubic (half k) x <= exp_below k x.
Proof.
  induction k as [|k IH]; cbn [exp_below half]; intros x X.
  - apply Qle_trans with (1 + x); [unfold cubic; lra|apply Q.le_max_r].
  - assert (0 <= half k <= 1 # 2 \/ half k == 1) as T by (clear; induction k; cbn [half] in *; lra).
    specialize (IH (x / 2)). set (t := half k) in *. set (y := exp_below k (x / 2)) in *. assert (x / 2 == x * (1 # 2)) as E by field.
    set (a := (1 - t) * (1 # 2)). set (b := (1 - t) * (1 - 2 * t) * (1 # 6)). set (g := x * x * (a * (1 # 4) + b * x * (1 # 8))).
    assert (1 + x * (1 # 2) + g <= y) as B.
    { apply Qle_trans with (cubic t (x / 2)); [unfold cubic, g, a, b; rewrite E; lra|apply IH; rewrite E; lra]. }
    assert (cubic (t * (1 # 2)) x == (1 + x * (1 # 2) + g) * (1 + x * (1 # 2) + g) - g * g - x * x * (x * x) * b * (1 # 8)) as ->
      by (unfold cubic, g, a, b; ring).
    assert (0 <= a <= 1 # 2) by (unfold a; lra). assert (0 <= b <= 1 # 6) by (unfold b; destruct T; nra).
    assert (0 <= x * x <= 1 # 4) by nra. assert (0 <= g * g) by nra. assert (0 <= x * x * (x * x) * b) by (apply Qmult_le_0_compat; nra).
    assert (- (1 # 4) <= g) by (assert (- (1 # 12) <= b * x) by nra; unfold g; nra). clearbody a b g t y. nra.
Qed.

Lemma squares_below p k y times : (0 <= y)%Z -> forall x u, u == x * half times -> q p y <= exp_below k u ->
  (0 <= squares times p y)%Z /\ q p (squares times p y) <= exp_below (times + k) x.
Proof.
  intros Y. induction times as [|times IH]; cbn [squares exp_below plus half]; intros x u U B.
  - split; [exact Y|]. apply Qle_trans with (1 := B). apply exp_grows. lra.
  - destruct (IH (x / 2) u) as [P B']; [rewrite U; field|exact B|]. split; [rewrite Z.shiftr_nonneg; nia|].
    apply (q_le p) in P. rewrite q_zero in P. apply Qle_trans with (1 := proj1 (q_down _ _ _)). rewrite q_mul. nra.
Qed.
Lemma exp_low_below p z : (- (32 << Zpos p) <= z <= 32 << Zpos p)%Z ->
  let y := exp_low (p + 9) z in (0 <= y)%Z /\ q (p + 9) y <= exp_below 29 (q p z).
Proof.
  rewrite !(q_le p), q_opp, q_units. set (f := (p + 9)%positive). intros [L H]. assert (q f z == q p z * half 9) as X.
  { unfold f. rewrite <- (Z.mul_1_r z) at 1. rewrite q_mul. reflexivity. }
  set (x := q p z * half 9) in *. assert (- (1 # 16) <= x <= 1 # 16) as B by (unfold x; cbn [half]; lra).
  unfold exp_low. set (one := (1 << Zpos f)%Z). assert (q f one == 1) as O by apply q_units.
  set (n := (z * z * (3 * one + z) * 178956629)%Z). set (m := (n >> Zpos (f + f + 30))%Z).
  assert (0 <= one + z /\ 0 <= 3 * one + z)%Z as [P P'] by (split; apply (q_le f); rewrite q_add, ?q_times, O, X, q_zero; lra).
  assert (0 <= m)%Z as M by (unfold m, n; rewrite Z.shiftr_nonneg; nia).
  assert (0 <= one + z + m)%Z as Y by lia.
  apply (squares_below f 20 _ 9 Y (q p z) x (Qeq_refl _)). apply Qle_trans with (2 := cubic_below 20 x ltac:(lra)).
  rewrite !q_add, O, X. unfold cubic. pose proof (proj1 (q_down f (f + f + 30) n)) as D. fold m in D.
  assert (q (f + (f + f + 30)) n == x * x * (3 + x) * (178956629 # 2 ^ 30)) as E.
  { unfold n. rewrite !Pos.add_assoc, !q_mul, q_add, q_times, O, X. reflexivity. }
  rewrite E in D. clear - B D. apply Qle_trans with (1 + x + x * x * (3 + x) * (178956629 # 2 ^ 30)); [lra|].
  set (t := half 20). assert ((3 + x) * (178956629 # 2 ^ 30) <= (1 - t) * (1 # 2) + (1 - t) * (1 - 2 * t) * (1 # 6) * x).
  { change (178956629 # 2 ^ 30) with (178956629 # 1073741824). unfold t. cbn [half]. lra. }
  assert (0 <= x * x) by nra. nra.
Qed.

Lemma sigmoid_low_below p z x : q p z <= x -> q p (sigmoid_low p z) <= sigmoid_below 29 x.
Proof.
  intros X. unfold sigmoid_low. set (most := (32 << Zpos p)%Z).
  assert (0 <= most)%Z as M by (unfold most; rewrite Z.shiftl_nonneg; lia).
  destruct (Z.ltb_spec z (- most)) as [L|L]; [rewrite q_zero; apply (proj1 (sigmoid_grows 29 x x (Qle_refl x)))|].
  destruct (exp_low_below p (Z.min z most)) as [P B]; [fold most; lia|]. set (p' := (p + 9)%positive) in *. set (y := exp_low _ _) in *.
  apply Qle_trans with (sigmoid_below 29 (q p (Z.min z most)));
    [|apply sigmoid_grows; apply Qle_trans with (2 := X), q_le; lia].
  pose proof (one_positive p'). apply Qle_trans with (q p' y / (1 + q p' y)).
  - apply Qle_shift_div_l; [apply (q_le p') in P; rewrite q_zero in P; lra|].
    setoid_replace 1 with (q p' (1 << Zpos p')) by (symmetry; apply q_units).
    rewrite <- q_add, <- q_mul, <- (q_shift p' p y), Pos.add_comm. apply q_le. rewrite Z.mul_comm. apply Z.mul_div_le. lia.
  - apply quotient_grows. split; [apply (q_le p') in P; now rewrite q_zero in P|exact B].
Qed.
Lemma q_max p x : q p (Z.max 0 x) == Qmax 0 (q p x).
Proof.
  assert (0 <= x \/ x <= 0)%Z as [L|L] by lia; [rewrite Z.max_r, Q.max_r|rewrite Z.max_l, Q.max_l]; try easy;
    apply (q_le p) in L; now rewrite q_zero in L.
Qed.
Lemma low_below p f z x : q p z <= x -> q p (low p f z) <= below 29 f x.
Proof.
  intros X. destruct f; cbn [low below]; unfold Z.sub; rewrite ?q_add, ?q_opp, ?q_times, ?q_units, ?q_max.
  - now apply sigmoid_low_below.
  - assert (q p (sigmoid_low p (2 * z)) <= sigmoid_below 29 (2 * x)); [|lra]. apply sigmoid_low_below. rewrite q_times. lra.
  - now apply Q.max_le_compat_l.
Qed.
Lemma above_high p f z x : x <= q p z -> above 29 f x <= q p (high p f z).
Proof.
  intros X. destruct f; cbn [high above]; unfold Z.sub; rewrite ?q_add, ?q_opp, ?q_times, ?q_units, ?q_max.
  - assert (q p (sigmoid_low p (- z)) <= sigmoid_below 29 (- x)); [|lra]. apply sigmoid_low_below. rewrite q_opp. lra.
  - assert (q p (sigmoid_low p (- (2 * z))) <= sigmoid_below 29 (- (2 * x))); [|lra]. apply sigmoid_low_below. rewrite q_opp, q_times. lra.
  - now apply Q.max_le_compat_l.
Qed.

(* ---- Of sums ---- *)
Definition holds (s : positive) (r : range) (v : Q) : Prop := q s (fst r) <= v <= q s (snd r).
Definition bounds (s : positive) (x : part) (ts : list Q) : Prop :=
  q s (lo x) <= sum ts <= q s (hi x) /\ sum (map Qabs ts) <= q s (most x).

Lemma bounds_app s x ts y us : bounds s x ts -> bounds s y us -> bounds s (add x y) (ts ++ us).
Proof.
  assert (forall ts us, sum (ts ++ us) == sum ts + sum us) as A.
  { clear. induction ts as [|t ts IH]; intros us; [symmetry; apply Qplus_0_l|]. unfold sum in *. cbn [app fold_right]. rewrite IH. ring. }
  unfold bounds. cbn [lo hi most add]. rewrite map_app, !A, !q_add. lra.
Qed.
Lemma bounds_one s x t : bounds s x [t] <-> q s (lo x) <= t <= q s (hi x) /\ Qabs t <= q s (most x).
Proof. unfold bounds, sum. cbn [map fold_right]. rewrite !Qplus_0_r. reflexivity. Qed.

Lemma times_bounds s t w r v : holds t r v -> bounds (s + t) (times w r) [q s w * v].
Proof.
  intros [L H]. apply bounds_one. unfold times. set (x := (w * fst r)%Z). set (y := (w * snd r)%Z). cbn [lo hi most].
  assert (q (s + t) x == q s w * q t (fst r)) as X by apply q_mul. assert (q (s + t) y == q s w * q t (snd r)) as Y by apply q_mul.
  set (a := Z.min x y). set (b := Z.max x y). set (m := Z.max _ _).
  assert (a <= x /\ a <= y /\ x <= b /\ y <= b /\ - m <= x /\ - m <= y /\ x <= m /\ y <= m)%Z as F by lia.
  rewrite !(q_le (s + t)), q_opp in F. rewrite Qabs_Qle_condition. clearbody x y a b m.
  assert (0 <= w \/ w <= 0)%Z as [W|W] by lia; apply (q_le s) in W; rewrite q_zero in W; nra.
Qed.
Lemma product_bounds s t x y u v : holds s x u -> holds t y v -> bounds (t + s) (product x y) [u * v].
Proof.
  intros U [L H]. pose proof (times_bounds t s (fst y) x u U) as A. pose proof (times_bounds t s (snd y) x u U) as B.
  unfold product. set (f := times (fst y) x) in *. set (g := times (snd y) x) in *. rewrite bounds_one, Qabs_Qle_condition in *.
  cbn [lo hi most]. set (a := Z.min _ _). set (b := Z.max (hi f) _). set (m := Z.max _ _).
  assert (a <= lo f /\ a <= lo g /\ hi f <= b /\ hi g <= b /\ most f <= m /\ most g <= m)%Z as F by lia.
  rewrite !(q_le (t + s)) in F. clearbody f g a b m. assert (0 <= u \/ u <= 0) as [W|W] by lra; nra.
Qed.

(* ---- Of lists ---- *)
Lemma through {A B C D} (R : A -> B -> Prop) (S : B -> C -> Prop) (T : D -> C -> Prop) (f : A -> D) xs ys zs :
  (forall x y z, R x y -> S y z -> T (f x) z) -> Forall2 R xs ys -> Forall2 S ys zs -> Forall2 T (map f xs) zs.
Proof. intros H X. revert zs. induction X; intros zs Y; inversion Y; subst; cbn; eauto. Qed.
Lemma pairs {A B C D E F} (R : A -> B -> Prop) (S : C -> D -> Prop) (T : E -> F -> Prop) f g xs ys us vs :
  (forall x y u v, R x y -> S u v -> T (f x u) (g y v)) -> Forall2 R xs ys -> Forall2 S us vs -> Forall2 T (map2 f xs us) (map2 g ys vs).
Proof. intros H X. revert us vs. induction X; intros us vs Y; destruct Y; cbn; eauto. Qed.

(* ---- Of steps ---- *)
Section Sound.
Context (n : net) (p : positive) (fair : (0 <= epsilon n)%Z).

Lemma squash_holds f r z v : holds p r z -> squashed n f z v -> holds p (squash n p f r) v.
Proof.
  intros [L H] S. destruct (S 29%nat) as [B A]. unfold squash, holds. cbn [fst snd].
  pose proof (proj2 (q_down p (scale n) (epsilon n << Zpos p))) as U. rewrite Pos.add_comm, q_shift in U. fold (real n (epsilon n)) in U.
  apply (low_below p f) in L. apply (above_high p f) in H.
  unfold Z.sub. rewrite !(q_add p (low _ _ _)), !(q_add p (high _ _ _)), q_opp. lra.
Qed.
Lemma sum_holds s x ts v : bounds (p + s) x ts -> near n ts v -> holds p (sum_range n p s x) v.
Proof.
  unfold near, holds, sum_range, real. intros [[L H] M] N. apply Qabs_Qle_condition in N. cbn [fst snd].
  set (off := (_ + 1)%Z). assert (q (scale n) (epsilon n) * (1 + sum (map Qabs ts)) <= q (p + s) off) as O.
  { apply Qle_trans with (2 := proj2 (q_down _ _ _)). rewrite Pos.add_comm, q_mul, q_add, q_units.
    apply (q_le (scale n)) in fair. rewrite q_zero in fair. nra. }
  pose proof (proj1 (q_down p s (lo x - off))) as D. pose proof (proj2 (q_down p s (hi x + off))) as U.
  unfold Z.sub in *. rewrite (q_add (p + s)) in D, U. rewrite q_opp in D. lra.
Qed.

Lemma dot_bounds rs hs : Forall2 (holds p) rs hs -> forall ws, bounds (p + scale n) (dot ws rs) (map2 (fun w h => real n w * h) ws hs).
Proof.
  assert (bounds (p + scale n) (Part 0 0 0) []) by (unfold bounds; cbn; rewrite q_zero; lra).
  induction 1 as [|r h rs hs R _ IH]; intros [|w ws]; cbn [dot map2]; auto.
  change (?x :: ?l) with ([x] ++ l). apply bounds_app, IH. rewrite Pos.add_comm. apply times_bounds, R.
Qed.
Lemma given_bounds a b r : bounds (p + scale n) (given p a b r)
  [real n (bias r); real n (if a then w_a r else 0%Z); real n (if b then w_b r else 0%Z)].
Proof. unfold given, bounds, sum, real. cbn [lo hi most map fold_right]. rewrite Pos.add_comm, !q_shift, !q_add, !q_abs. lra. Qed.

Lemma digits_hold d s : has_digits d s -> holds p (digits_range p d) s.
Proof.
  unfold has_digits, holds, digits_range. cbn [fst snd]. change (10 ^ 15)%Z with (Zpos (10 ^ 15)). set (m := (10 ^ 15)%positive). clearbody m.
  intros [L H]. rewrite !Z.shiftl_mul_pow2 by lia. set (e := (2 ^ Zpos p)%Z).
  pose proof (Z.mul_div_le (d * e) (Zpos m)). pose proof (Z.mul_succ_div_gt ((d + 1) * e) (Zpos m)).
  split; [apply Qle_trans with (2 := L)|apply Qle_trans with (1 := H)]; unfold q, Qle; cbn [Qnum Qden];
    rewrite Pos2Z.inj_pow; fold e; lia.
Qed.
Lemma stretched_bounds before now s x ts : stretch n before now s -> bounds (p + scale n) x ts ->
  bounds (p + scale n) (stretched n p before now x) (map (Qmult s) ts).
Proof.
  assert (sum (map (Qmult s) ts) == s * sum ts) as E1.
  { induction ts as [|t ts IH]; unfold sum in *; cbn [map fold_right]; [|rewrite IH]; ring. }
  assert (sum (map Qabs (map (Qmult s) ts)) == Qabs s * sum (map Qabs ts)) as E2.
  { clear E1. induction ts as [|t ts IH]; unfold sum in *; cbn [map fold_right]; [|rewrite IH, Qabs_Qmult]; ring. }
  assert (0 <= sum (map Qabs ts)) as N.
  { clear. unfold sum. induction ts as [|t ts IH]; cbn [map fold_right]; [|pose proof (Qabs_nonneg t)]; lra. }
  intros S [B M]. unfold stretch, stretched in *.
  destruct (cell n), (xorb (fst before) (fst now)), (xorb (snd before) (snd now));
    try (unfold bounds; rewrite E1, E2, S; change (Qabs 1) with 1; lra).
  all: assert (0 <= s) as P by (apply Qle_trans with (2 := proj1 S); discriminate); apply digits_hold in S;
    set (r := digits_range _ _) in *; clearbody r; pose proof (product_bounds _ _ (lo x, hi x) _ _ _ B S) as F;
    apply bounds_one in F as [[L H] _]; set (y := product _ _) in *; rewrite (Pos.add_comm p) in L, H; set (u := (p + scale n)%positive) in *;
    pose proof (q_down u p (lo y)); pose proof (q_down u p (hi y)); pose proof (q_down u p (snd r * most x)) as V;
    rewrite Pos.add_comm, q_mul in V; unfold bounds; cbn [lo hi most]; rewrite E1, E2, (Qabs_pos s P); destruct S as [_ S];
    split; [lra|nra].
Qed.

Lemma gate_holds before s hs a b g from v : Forall2 (holds p) (h_in from) hs -> stretch n before (a, b) s -> gate n s hs a b g v ->
  Forall2 (holds p) (map (squash n p (fst g)) (map2 (fun x => pre_activation n p a b (stretched n p before (a, b) x))
    (map (fun r => dot (w_hh r) (h_in from)) (snd g)) (snd g))) v.
Proof.
  intros H S (z & Z & V). revert V. apply through with (1 := squash_holds (fst g)). clear v.
  revert z Z. induction (snd g) as [|r rows IH]; intros z Z; inversion Z; subst; cbn [map map2]; constructor; auto.
  eapply sum_holds; [|eassumption]. apply bounds_app; [apply given_bounds|]. apply stretched_bounds; [exact S|now apply dot_bounds].
Qed.

Definition inside (b : box) (x : state) : Prop :=
  (cell n = Dynamic -> before x = bits_before b) /\ Forall2 (holds p) (h_in b) (h x) /\ Forall2 (holds p) (c_in b) (c x).

Lemma step_holds from x a b y : inside from x -> step n x a b y ->
  let '(hs, cs) := image n p from (products n from) a b in Forall2 (holds p) hs (h y) /\ Forall2 (holds p) cs (c y).
Proof.
  intros (K & H & C) (_ & s & v & S & V & E). unfold image, products.
  assert (stretch n (bits_before from) (a, b) s) as S'.
  { unfold stretch in *. destruct (cell n); [exact S|rewrite <- K by reflexivity; exact S|exact S]. }
  set (gate_of := fun g xs => _).
  assert (Forall2 (Forall2 (holds p)) (map2 gate_of (gates n)
    (map (fun g => map (fun r => dot (w_hh r) (h_in from)) (snd g)) (gates n))) v) as G.
  { clear E. induction V; cbn [map map2]; constructor; auto. eapply gate_holds; eauto. }
  destruct (cell n) as [| |notebook].
  1,2: destruct G as [|? ? ? ? G [|]]; try contradiction; destruct E as [-> ->]; auto.
  destruct G as [|ri i ? ? I [|rf f ? ? F [|rg g ? ? G [|ro o ? ? O [|]]]]]; try contradiction. destruct E as (z & t & Z & T & Y & ->).
  set (zs := map (sum_range n p p) (map2 add _ _)). assert (Forall2 (holds p) zs z) as Z'.
  { revert Z. apply through with (1 := sum_holds p).
    refine (pairs _ _ _ _ _ _ _ _ _ (fun x t y u X Y => bounds_app _ x [t] y [u] X Y) _ _);
      apply (pairs (holds p) (holds p)); auto using product_bounds. }
  assert (Forall2 (holds p) (map (squash n p (phi n)) zs) t) by (revert T; now apply through with (1 := squash_holds (phi n))).
  split; [|destruct notebook; assumption]. revert Y. apply through with (1 := sum_holds p).
  apply (pairs (holds p) (holds p)); auto using product_bounds.
Qed.

Lemma answers_right hs x bit bit' : answers n p hs bit = true -> Forall2 (holds p) hs (h x) -> answered n x bit' -> bit' = bit.
Proof.
  intros A H (z & y & Z & Y & ->). set (d := dot (w_hh (output n)) hs) in *.
  assert (holds p (squash n p (psi n) (pre_activation n p false false d (output n))) y) as [L U].
  { eapply squash_holds, Y. eapply sum_holds, Z. apply bounds_app; [apply given_bounds|].
    pose proof (stretched_bounds (false, false) (false, false) 1 d) as B. unfold stretch, stretched in B.
    destruct (cell n); apply B; try reflexivity; apply dot_bounds, H. }
  unfold answers in A. fold d in A. set (r := squash _ _ _ _) in *. clearbody r.
  destruct (Qle_bool y (1 # 2)) eqn:E, bit; try reflexivity; exfalso.
  - apply Qle_bool_iff in E. apply Z.ltb_lt in A. assert (2 * fst r <= 1 << Zpos p)%Z; [|lia]. apply (q_le p). rewrite q_times, q_units. lra.
  - apply Z.leb_le, (q_le p) in A. rewrite q_times, q_units in A. assert (Qle_bool y (1 # 2) = true); [apply Qle_bool_iff; lra|congruence].
Qed.

Lemma within_holds inner outer vs : within inner outer = true -> Forall2 (holds p) inner vs -> Forall2 (holds p) outer vs.
Proof.
  intros W H. revert outer W. induction H as [|[l u] v inner vs [L U] H IH]; intros [|[low high] outer]; cbn [within]; try discriminate;
    constructor; destruct (Z.leb_spec low l) as [A|], (Z.leb_spec u high) as [B|]; try discriminate; auto.
  apply (q_le p) in A, B. unfold holds in *. cbn [fst snd] in *. lra.
Qed.
Lemma leads_inside boxes hs cs k x : leads n boxes hs cs k (before x) = true ->
  Forall2 (holds p) hs (h x) -> Forall2 (holds p) cs (c x) -> exists to, In to boxes /\ carried to = k /\ inside to x.
Proof.
  unfold leads. destruct (find _ boxes) as [to|] eqn:F; [|discriminate]. intros _ H C. apply find_some in F as [I T]. exists to.
  unfold takes in T. destruct (_ && _) eqn:K; [|discriminate]. apply andb_prop in K as [K B]. apply eqb_prop in K.
  destruct (within hs (h_in to)) eqn:W; [|discriminate]. repeat split; auto; [|eapply within_holds; eauto..].
  intros D. rewrite D in B. apply andb_prop in B as [B1 B2]. apply eqb_prop in B1, B2.
  destruct (before x), (bits_before to). cbn in *. congruence.
Qed.

Lemma evaluation_ripples boxes :
  (forall from, In from boxes -> forall input, In input inputs -> right n p boxes from (products n from) input = true) ->
  forall x xs answers, evaluation n x xs answers -> forall from, In from boxes -> inside from x -> answers = ripple (carried from) xs.
Proof.
  intros closed x xs answers E. induction E as [x|x a b y bit xs answers S A E IH]; intros from I X; cbn [ripple]; [reflexivity|].
  assert (In (a, b) inputs) as J by (destruct a, b; cbn; auto). pose proof (closed from I _ J) as L. unfold right in L.
  pose proof (step_holds from x a b y X S) as H. destruct (image n p from _ a b) as [hs cs].
  apply andb_prop in L as [R L]. destruct H as [H C]. rewrite <- (proj1 S) in L.
  destruct (leads_inside _ _ _ _ _ L H C) as (to & I' & <- & Y). f_equal; [|now apply IH]. eapply answers_right; eauto.
Qed.
End Sound.

(* Every evaluation of a net that passes adds, in as many steps as the sum has bits, and in more. *)
Theorem check_adds_in_time n p boxes : check n p boxes = true -> forall steps a b : N, (a + b < 2 ^ steps ->
  forall answers, evaluation n (start n) (bits (N.to_nat steps) a b) answers -> number answers = a + b)%N.
Proof.
  unfold check. intros C steps a b L answers E. apply andb_prop in C as [C closed]. apply andb_prop in C as [P S].
  apply andb_prop in P as [P _]. apply andb_prop in P as [P _]. apply Z.ltb_lt, Z.lt_le_incl in P.
  assert (forall l, (forall v, In v l -> v = 0) -> Forall2 (holds p) (map (fun _ => (0, 0)%Z) l) l) as Z.
  { induction l as [|v l IH]; intros V; constructor; [|apply IH; intros; apply V; now right].
    rewrite (V v) by now left. unfold holds. cbn [fst snd]. rewrite q_zero. lra. }
  destruct (leads_inside n p boxes _ _ _ (start n) S) as (from & I & K & X).
  1,2: apply Z; unfold start; cbn [h c]; intros v V; destruct (cell n); try (now destruct V);
    apply in_map_iff in V as (? & <- & _); reflexivity.
  rewrite forallb_forall in closed. assert (answers = ripple (carried from) (bits (N.to_nat steps) a b)) as ->.
  { eapply (evaluation_ripples n p P boxes); eauto. intros to T. apply forallb_forall, closed, T. }
  rewrite K, ripple_adds; cbn [N.b2n]; rewrite ?N2Nat.id; lia.
Qed.
Theorem check_adds n p boxes : check n p boxes = true -> forall w a b : N, (a < 2 ^ w -> b < 2 ^ w ->
  forall answers, evaluation n (start n) (bits (N.to_nat (w + 1)) a b) answers -> number answers = a + b)%N.
Proof. intros C w a b A B. apply (check_adds_in_time n p boxes C). rewrite N.add_1_r, N.pow_succ_r'. lia. Qed.
