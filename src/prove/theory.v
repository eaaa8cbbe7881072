(* Nets of integers that add two numbers of any width.

   PART 1 is to be read and trusted. It says what a net is, what it computes, and which number it answers.
   PART 2 is a check of a net, and the proof that a net that passes it answers the sum. Coq has been through all of PART 2, so nobody
   else has to. No axiom is used.

   This file serves every net. A net's own file has its integers, and ends with the theorem about it. *)
From Coq Require Import ZArith NArith List Bool Lia FMapPositive.
Import ListNotations.
Open Scope Z_scope.

(* ========================================= PART 1: to be trusted ========================================= *)

(* ---- A net ---- *)
(* An activation function as steps: its first value, and one more for every threshold that z reaches. *)
Record table := Table { first : Z; thresholds : list Z }.

(* An LSTM has h and c in units of 2^-q, gates in units of 2^-gate_bits. The standard form cuts c to ±limit, the notebook's form does not. *)
Inductive kind := Elman | Dynamic | Lstm (q gate_bits : Z) (sigma phi_c : table) (limit : option Z).

Record net := Net {
  cell : kind;
  phi : table;
  w_hh : list (list (list Z));             (* matrices. Elman: one. Dynamic: for 0, 1, 2 changed bits. LSTM: i, f, g, o. *)
  w_ih : bool -> bool -> list (list Z);    (* what bits of a and b add, biases included. LSTM: for i, f, g, o. Others: one row. *)
  w_ho : list Z; b_o : Z; threshold : Z;   (* The answer is 1 where the output reaches the threshold. *)
  most : Z                                 (* No |h| is larger. *)
}.

(* What is carried from bit to bit: h, an LSTM's c, and the bits before, which only the dynamic cell reads. *)
Record state := State { h : list Z; c : list Z; before : bool * bool }.

Definition start (n : net) : state :=
  let zeros := map (fun _ => 0) (w_ho n) in State zeros (match cell n with Lstm _ _ _ _ _ => zeros | _ => [] end) (false, false).

(* ---- A step ---- *)
Local Infix "<<" := Z.shiftl (at level 35).
Local Infix ">>" := Z.shiftr (at level 35).

Fixpoint climb (value : Z) (ts : list Z) (z : Z) : Z :=
  match ts with t :: ts => if t <=? z then climb (Z.succ value) ts z else value | [] => value end.
Definition look_up (t : table) (z : Z) : Z := climb (first t) (thresholds t) z.

Fixpoint dot (x y : list Z) : Z := match x, y with a :: x, b :: y => a * b + dot x y | _, _ => 0 end.
Fixpoint map2 (f : Z -> Z -> Z) (x y : list Z) : list Z :=
  match x, y with a :: x, b :: y => f a b :: map2 f x y | _, _ => [] end.

(* x / 2^bits, rounded to the nearest, half up. *)
Definition half_up (x bits : Z) : Z := (x + (1 << bits >> 1)) >> bits.

Definition products (n : net) (s : state) : list (list Z) := map (map (dot (h s))) (w_hh n).

(* A step from s, whose products with the matrices are given, with the next bits of a and b. *)
Definition move (n : net) (s : state) (products : list (list Z)) (a b : bool) : state :=
  let apply t := map2 (fun p x => look_up t (p + x)) in
  match cell n, products, w_ih n a b with
  | Elman, [p], [x] => State (apply (phi n) p x) [] (false, false)
  | Dynamic, [p0; p1; p2], [x] =>
      let p := match xorb a (fst (before s)), xorb b (snd (before s)) with
        | false, false => p0 | true, true => p2 | _, _ => p1 end in
      State (apply (phi n) p x) [] (a, b)
  | Lstm q gate_bits sigma phi_c limit, [pi; pf; pg; po], [xi; xf; xg; xo] =>
      let '(i, f, g, o) := (apply sigma pi xi, apply sigma pf xf, apply (phi n) pg xg, apply sigma po xo) in
      let z := map2 Z.add (map2 Z.mul g i) (map2 (fun c f => (c * f) << (gate_bits - q)) (c s) f) in
      let shift := 2 * gate_bits - q in
      let '(h, c) := match limit with
        | Some limit => let c := map (fun z => Z.max (- limit) (Z.min limit (half_up z shift))) z in
            (map2 (fun c o => half_up (look_up phi_c c * o) shift) c o, c)
        | None => let c := map (look_up phi_c) z in (map2 (fun c o => half_up (c * o) gate_bits) c o, c)
        end in
      State h c (false, false)
  | _, _, _ => s   (* No net that is well formed comes here. *)
  end.

Definition step (n : net) (s : state) (a b : bool) : state := move n s (products n s) a b.
Definition answered (n : net) (s : state) : bool := threshold n <=? dot (h s) (w_ho n) + b_o n.

(* ---- Sums that 32 bits hold ---- *)
Definition inputs : list (bool * bool) := [(false, false); (true, false); (false, true); (true, true)].
Definition size (row : list Z) : Z := fold_right (fun w sum => Z.abs w + sum) 0 row.
Definition largest (row : list Z) : Z := fold_right (fun w sum => Z.max (Z.abs w) sum) 0 row.

(* What is carried fits a byte each. *)
Definition fits (n : net) (s : state) : bool :=
  forallb (fun x => Z.abs x <=? most n) (h s) && forallb (fun x => Z.abs x <=? 127) (c s).

(* A table ascends, and its values stay below 2^11: what an LSTM makes of its gates and c then stays below 2^25. *)
Fixpoint ascends (t : list Z) : bool :=
  match t with x :: ((y :: _) as rest) => (x <=? y) && ascends rest | _ => true end.
Definition fair (t : table) : bool :=
  ascends (thresholds t) && (Z.abs (first t) + Z.of_nat (length (thresholds t)) <? 2 ^ 11).

(* Every row has its length; and from states that fit, the terms of each sum stay below 2^31 together, in whatever order they are added. *)
Definition long {A} (n : net) (row : list A) : bool := Nat.eqb (length row) (length (w_ho n)).
Definition well_formed (n : net) : bool :=
  let inputs := map (fun '(a, b) => w_ih n a b) inputs in
  let '(matrices, rows, settings) := match cell n with
    | Elman => (1%nat, 1%nat, true)
    | Dynamic => (3%nat, 1%nat, true)
    | Lstm q gate_bits sigma phi_c limit => (4%nat, 4%nat, fair sigma && fair phi_c && (0 <=? q) && (q <=? gate_bits) && (gate_bits <=? 6)
        && match limit with Some limit => (0 <=? limit) && (limit <=? 127) | None => true end)
    end in
  settings && fair (phi n) && (0 <=? most n) && (most n <=? 127)
  && Nat.eqb (length (w_hh n)) matrices && forallb (fun matrix => long n matrix && forallb (long n) matrix) (w_hh n)
  && forallb (fun input => Nat.eqb (length input) rows && forallb (long n) input) inputs
  && (most n * largest (map size (concat (w_hh n))) + largest (concat (concat inputs)) <? 2 ^ 31)
  && (most n * size (w_ho n) + Z.abs (b_o n) + Z.abs (threshold n) <? 2 ^ 31).

(* ---- The number that is answered ---- *)
Open Scope N_scope.
(* Bits 0, 1, 2, … of two numbers, so many, and the number that has some bits. *)
Fixpoint bits (steps : nat) (a b : N) : list (bool * bool) :=
  match steps with O => [] | S steps => (N.odd a, N.odd b) :: bits steps (N.div2 a) (N.div2 b) end.
Fixpoint number (bits : list bool) : N := match bits with [] => 0 | bit :: bits => N.b2n bit + 2 * number bits end.

(* The answers to the bits of two numbers. There are none if a sum on the way may be too large for 32 bits. *)
Fixpoint run (n : net) (s : state) (inputs : list (bool * bool)) : option (list bool) :=
  match inputs with
  | [] => Some []
  | (a, b) :: inputs => let t := step n s a b in if fits n t then option_map (cons (answered n t)) (run n t inputs) else None
  end.

(* What a net answers to a + b in so many steps. A net's own file ends with the theorem that it adds, whatever the width n:
   forall n a b : N, a < 2 ^ n -> b < 2 ^ n -> answer the_net (n + 1) a b = Some (a + b) *)
Definition answer (n : net) (steps a b : N) : option N :=
  if well_formed n && fits n (start n) then option_map number (run n (start n) (bits (N.to_nat steps) a b)) else None.

(* ================================ PART 2: a check, and why it is enough ================================ *)

Open Scope Z_scope.
(* A place is a state with the carry that is true there; a way leads to it: inputs, the last first. *)
Definition place : Type := state * bool.
Definition way : Type := list (bool * bool).
Definition sum_bit (a b k : bool) : bool := xorb (xorb a b) k.
Definition carry (a b k : bool) : bool := if k then a || b else a && b.

(* A place as a number, a byte for each value. That no two share one needs no proof: what is found under a name is compared. *)
Definition name (x : place) : positive :=
  let '(State h c (a, b), k) := x in
  Z.to_pos (fold_left (fun name v => 256 * name + (v + 128)) (Z.b2z a :: Z.b2z b :: Z.b2z k :: h ++ c) 1).
Definition same (x y : place) : {x = y} + {x <> y}.
Proof. repeat decide equality. Defined.

(* How far a walk has come: the places met, and those of them that are new; or the way to a fault. *)
Inductive walk := Met (all : PositiveMap.t place) (new : list (place * way)) | Fault (w : way) | Unfinished.

(* Meets a place. A fault is one whose sums may be too large, or, by another input, a wrong answer. *)
Definition meet (n : net) (y : place) (w : way) (all : PositiveMap.t place) (new : list (place * way)) : walk :=
  match PositiveMap.find (name y) all with
  | Some z => if same y z then Met all new else Fault w
  | None => if fits n (fst y) then Met (PositiveMap.add (name y) y all) ((y, w) :: new) else Fault w
  end.
Definition follow (n : net) (x : place) (w : way) (products : list (list Z)) (sofar : walk) (input : bool * bool) : walk :=
  match sofar with
  | Met all new =>
      let '(s, k, (a, b), w) := (x, input, input :: w) in let t := move n s products a b in
      if eqb (answered n t) (sum_bit a b k) then meet n (t, carry a b k) w all new else Fault w
  | _ => sofar
  end.
Definition visit (n : net) (sofar : walk) (x : place * way) : walk :=
  let '(x, w) := x in let p := products n (fst x) in fold_left (follow n x w p) inputs sofar.

(* Level by level, until nothing is new. *)
Fixpoint explore (n : net) (levels : nat) (all : PositiveMap.t place) (new : list (place * way)) : walk :=
  match levels with
  | O => Unfinished
  | S levels => match fold_left (visit n) new (Met all []) with
      Met all ((_ :: _) as new) => explore n levels all new | ending => ending end
  end.
Definition go (n : net) (levels : nat) : walk :=
  let x := (start n, false) in explore n levels (PositiveMap.add (name x) x (PositiveMap.empty place)) [(x, [])].

(* The check: a net is well formed, and a walk of so many levels comes to its end without a fault. *)
Definition check (n : net) (levels : nat) : bool :=
  well_formed n && fits n (start n) && match go n levels with Met _ _ => true | _ => false end.

(* For messages: a, b, and what is answered where that is not the sum. *)
Definition offence (n : net) (levels : nat) : option (N * N * option N) :=
  match go n levels with
  | Fault w => let '(a, b) := (number (map fst (rev w)), number (map snd (rev w))) in
      Some (a, b, answer n (N.max (N.of_nat (length w)) (N.size (a + b))) a b)
  | _ => None
  end.

(* ---- Of numbers alone: the adder that carries answers the sum ---- *)
Fixpoint ripple (k : bool) (xs : list (bool * bool)) : list bool :=
  match xs with [] => [] | (a, b) :: xs => sum_bit a b k :: ripple (carry a b k) xs end.

Lemma ripple_adds steps : forall a b k, (a + b + N.b2n k < 2 ^ N.of_nat steps ->
  number (ripple k (bits steps a b)) = a + b + N.b2n k)%N.
Proof.
  induction steps as [|steps IH]; intros a b k L; [cbn in *; lia|].
  rewrite Nat2N.inj_succ, N.pow_succ_r' in L. pose proof (N.div2_odd a). pose proof (N.div2_odd b).
  cbn [bits ripple number]. unfold sum_bit, carry.
  destruct (N.odd a), (N.odd b), k; cbn [xorb orb andb N.b2n] in *; rewrite IH; cbn [N.b2n]; lia.
Qed.

(* ---- Of walks: one that ends without a fault has met all there is, and every answer was right ---- *)
Implicit Types (n : net) (x : place) (all : PositiveMap.t place) (new level : list (place * way)).

Definition known all x : Prop := PositiveMap.find (name x) all = Some x.
Definition right n all '(s, k) '(a, b) : Prop :=
  let t := step n s a b in answered n t = sum_bit a b k /\ known all (t, carry a b k).
Definition settled n all x : Prop := forall input, In input inputs -> right n all x input.

Lemma known_add x y all : known (PositiveMap.add (name y) y all) x -> x = y \/ known all x.
Proof.
  unfold known. destruct (Pos.eq_dec (name x) (name y)) as [->|D].
  - rewrite PositiveMap.gss. intros [= <-]. auto.
  - rewrite PositiveMap.gso by exact D. auto.
Qed.

(* From one point of a walk to another, places are kept, and what is known more is new and fits. *)
Record grows n all new all' new' : Prop := Grows {
  keeps : forall x, known all x -> known all' x;
  gains : forall x, known all' x -> known all x \/ In x (map fst new') /\ fits n (fst x) = true;
  holds : incl (map fst new) (map fst new')
}.

Lemma right_stays n all new all' new' x input : grows n all new all' new' -> right n all x input -> right n all' x input.
Proof. intros [keep _ _]. destruct x, input. intros [R K]. split; auto. Qed.

Lemma meet_grows n y w all new all' new' : meet n y w all new = Met all' new' -> grows n all new all' new' /\ known all' y.
Proof.
  unfold meet. destruct (PositiveMap.find (name y) all) as [z|] eqn:F.
  - destruct (same y z) as [<-|]; [|discriminate]. intros [= <- <-]. repeat split; auto using incl_refl.
  - destruct (fits n (fst y)) eqn:T; [|discriminate]. intros [= <- <-]. split; [constructor|apply PositiveMap.gss].
    + unfold known. intros z K. rewrite PositiveMap.gso; congruence.
    + intros z K. destruct (known_add _ _ _ K) as [->|]; cbn; auto.
    + cbn. auto using incl_tl, incl_refl.
Qed.

Lemma follow_grows n x w sofar input all' new' : follow n x w (products n (fst x)) sofar input = Met all' new' ->
  exists all new, sofar = Met all new /\ grows n all new all' new' /\ right n all' x input.
Proof.
  destruct sofar as [all new| |]; [|discriminate..]. destruct x as [s k], input as [a b]. cbn [follow fst]. fold (step n s a b).
  destruct (eqb _ _) eqn:R; [|discriminate]. intros E. apply meet_grows in E as [G K]. apply eqb_prop in R.
  exists all, new. repeat split; auto; apply G.
Qed.

Lemma fold_grows n (A : Type) (f : walk -> A -> walk) (P : PositiveMap.t place -> A -> Prop) :
  (forall all new all' new' i, grows n all new all' new' -> P all i -> P all' i) ->
  (forall sofar i all' new', f sofar i = Met all' new' ->
    exists all new, sofar = Met all new /\ grows n all new all' new' /\ P all' i) ->
  forall is sofar all' new', fold_left f is sofar = Met all' new' ->
    exists all new, sofar = Met all new /\ grows n all new all' new' /\ forall i, In i is -> P all' i.
Proof.
  intros stays one. induction is as [|i is IH]; cbn; intros sofar all' new' E.
  - exists all', new'. repeat split; auto using incl_refl. now intros.
  - apply IH in E as (m & w & E & G & done). apply one in E as (m0 & w0 & -> & G0 & P0).
    exists m0, w0. split; [reflexivity|split]; [|intros j [<-|I]; eauto].
    destruct G as [k1 g1 h1], G0 as [k0 g0 h0]. constructor; eauto using incl_tran.
    intros y K. destruct (g1 y K) as [K'|]; auto. destruct (g0 y K') as [|[]]; auto.
Qed.

Lemma explore_closes n levels : forall all level all' new', explore n levels all level = Met all' new' ->
  (forall x, known all x -> fits n (fst x) = true /\ (In x (map fst level) \/ settled n all x)) ->
  (forall x, known all x -> known all' x) /\ forall x, known all' x -> fits n (fst x) = true /\ settled n all' x.
Proof.
  induction levels as [|levels IH]; intros all level all' new'; cbn [explore]; [discriminate|].
  destruct (fold_left (visit n) level (Met all [])) as [all1 new| |] eqn:E; [|discriminate..].
  apply (fold_grows n) with (P := fun all i => settled n all (fst i)) in E;
    [|intros; intros j J; eapply right_stays; eauto
     |intros ? [x w] ? ?; apply fold_grows with (P := fun all i => right n all x i);
      intros; [eapply right_stays|eapply follow_grows]; eauto].
  destruct E as (? & ? & [= <- <-] & G & done). intros E old.
  assert (forall x, known all1 x -> fits n (fst x) = true /\ (In x (map fst new) \/ settled n all1 x)) as now_.
  { intros x K. destruct (gains _ _ _ _ _ G x K) as [K'|[]]; [|auto]. destruct (old x K') as [F S]. split; [exact F|right].
    destruct S as [I|S]; [|intros i I; eapply right_stays; eauto]. apply in_map_iff in I as (y & <- & I). auto. }
  destruct new as [|y new].
  - injection E as <- <-. split; [apply G|]. intros x K. destruct (now_ x K) as [? [[]|]]; auto.
  - destruct (IH _ _ _ _ E now_) as [K C]. split; [|exact C]. intros. now apply K, G.
Qed.

(* ---- Both together ---- *)
Lemma run_ripples n all : (forall x, known all x -> fits n (fst x) = true /\ settled n all x) ->
  forall xs s k, known all (s, k) -> run n s xs = Some (ripple k xs).
Proof.
  intros C. induction xs as [|[a b] xs IH]; intros s k K; cbn [run ripple]; auto.
  assert (right n all (s, k) (a, b)) as [R K'] by (apply (C _ K); destruct a, b; cbn; auto).
  destruct (C _ K') as [F _]. cbn in F. now rewrite F, (IH _ _ K'), R.
Qed.

(* A net that passes adds in as many steps as the sum has bits, and in more. *)
Theorem check_adds_in_time n levels : check n levels = true ->
  forall steps a b : N, (a + b < 2 ^ steps)%N -> answer n steps a b = Some (a + b)%N.
Proof.
  unfold check, go, answer. intros C steps a b L. apply andb_prop in C as [C E]. rewrite C.
  apply andb_prop in C as [_ F]. set (x := (start n, false)) in *.
  destruct (explore _ _ _ _) as [all new| |] eqn:X; try discriminate. apply explore_closes in X as C.
  - rewrite (run_ripples n all) with (k := false); [|apply C|apply C, PositiveMap.gss].
    cbn [option_map]. rewrite ripple_adds; cbn [N.b2n]; rewrite ?N2Nat.id, ?N.add_0_r; auto.
  - intros y K. apply known_add in K as [->|K]; [split; [exact F|left; left; reflexivity]|].
    unfold known in K. rewrite PositiveMap.gempty in K. discriminate.
Qed.

Theorem check_adds n levels : check n levels = true ->
  forall w a b : N, (a < 2 ^ w -> b < 2 ^ w -> answer n (w + 1) a b = Some (a + b))%N.
Proof. intros C w a b A B. apply (check_adds_in_time n levels C). rewrite N.add_1_r, N.pow_succ_r'. lia. Qed.
