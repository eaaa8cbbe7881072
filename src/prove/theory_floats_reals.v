(* What Floats.v says of activations and evaluations, held against the real numbers of Coq's library. A value within ε of the real σ or tanh
   is one that Floats.v allows, so that a net's theorem is about all who compute so; and every well-formed net has evaluations. No net's
   theorem needs this file, which alone rests on axioms: those of the library's real numbers. *)
From Coq Require Import Reals ZArith QArith Qabs Qreals Qminmax List Bool Lia Lra.
Require Import Floats.
Import ListNotations.
Open Scope R_scope.

Definition value (f : activation) (x : R) : R :=
  match f with Sigmoid => / (1 + exp (- x)) | Tanh => tanh x | Relu => Rmax 0 x end.

Lemma exp_below_exp k : forall z, 0 <= Q2R (exp_below k z) <= exp (Q2R z).
Proof.
  induction k as [|k IH]; intros z.
  - split; cbn [exp_below].
    + rewrite <- RMicromega.Q2R_0. apply Qle_Rle, Q.le_max_l.
    + apply Q.max_case; [intros x y E; now rewrite (Qeq_eqR x y E)| |].
      * pose proof (exp_pos (Q2R z)). rewrite RMicromega.Q2R_0. lra.
      * rewrite Q2R_plus, RMicromega.Q2R_1. apply exp_ineq1_le.
  - cbn [exp_below]. rewrite Q2R_mult. destruct (IH (z / 2)%Q) as [L H]. split; [now apply Rmult_le_pos|].
    replace (Q2R z) with (Q2R (z / 2) + Q2R (z / 2)).
    + rewrite exp_plus. now apply Rmult_le_compat.
    + rewrite <- Q2R_plus. apply Qeq_eqR. field.
Qed.

Lemma sigmoid_below_value k z : Q2R (sigmoid_below k z) <= value Sigmoid (Q2R z).
Proof.
  destruct (exp_below_exp k z) as [L H]. unfold sigmoid_below. set (y := exp_below k z) in *.
  assert (~ (1 + y == 0)%Q) as N.
  { intros E. apply Qeq_eqR in E. rewrite Q2R_plus, RMicromega.Q2R_1, RMicromega.Q2R_0 in E. lra. }
  rewrite Q2R_div, Q2R_plus, RMicromega.Q2R_1 by exact N. cbn [value]. rewrite exp_Ropp.
  pose proof (exp_pos (Q2R z)) as P. set (e := exp (Q2R z)) in *.
  replace (Q2R y / (1 + Q2R y)) with (1 - / (1 + Q2R y)) by (field; lra).
  replace (/ (1 + / e)) with (1 - / (1 + e)) by (field; lra).
  pose proof (Rinv_le_contravar (1 + Q2R y) (1 + e)). lra.
Qed.

Lemma opposite x : value Sigmoid (- x) = 1 - value Sigmoid x.
Proof. cbn [value]. rewrite Ropp_involutive, exp_Ropp. pose proof (exp_pos x). field. lra. Qed.
Lemma tanh_value x : tanh x = 2 * value Sigmoid (2 * x) - 1.
Proof.
  unfold tanh, sinh, cosh. cbn [value]. replace (- (2 * x)) with (- x + - x) by ring. rewrite exp_plus, exp_Ropp.
  pose proof (exp_pos x). field. repeat split; nra.
Qed.

Theorem value_squashed n f z v : Rabs (Q2R v - value f (Q2R z)) <= Q2R (real n (epsilon n)) -> squashed n f z v.
Proof.
  intros V k. assert (forall x y, Rabs x <= y -> - y <= x <= y) as inv by
    (intros x y; unfold Rabs; destruct (Rcase_abs x); lra). apply inv in V.
  assert (Q2R (below k f z) <= value f (Q2R z) <= Q2R (above k f z)) as [B A].
  { pose proof RMicromega.Q2R_1 as one. assert (Q2R 2 = 2) as two by (unfold Q2R; cbn; lra).
    pose proof (sigmoid_below_value k z). pose proof (sigmoid_below_value k (- z)).
    pose proof (sigmoid_below_value k (2 * z)). pose proof (sigmoid_below_value k (- (2 * z))).
    rewrite ?Q2R_opp, ?Q2R_mult, ?two, ?opposite in *.
    destruct f; cbn [below above]; rewrite ?tanh_value, ?Q2R_minus, ?Q2R_mult, ?one, ?two; try lra.
    assert (Q2R (Qmax 0 z) = Rmax 0 (Q2R z)) as ->; [|cbn [value]; lra].
    rewrite <- RMicromega.Q2R_0. destruct (Q.max_spec 0 z) as [[L E]|[L E]]; rewrite (Qeq_eqR _ _ E); symmetry;
      [apply Rmax_right, Qle_Rle, Qlt_le_weak, L|apply Rmax_left, Qle_Rle, L]. }
  split; apply Rle_Qle; rewrite ?Q2R_minus, ?Q2R_plus; lra.
Qed.

(* Evaluations there are, of every well-formed net. *)
Lemma list_exists {A B} (R : A -> B -> Prop) : (forall x, exists y, R x y) -> forall xs, exists ys, Forall2 R xs ys.
Proof. intros E. induction xs as [|x xs [ys I]]; [eauto|]. destruct (E x) as [y H]. eauto. Qed.
Lemma squashed_exists n f : (0 < epsilon n)%Z -> forall z, exists v, squashed n f z v.
Proof.
  intros P z. set (x := value f (Q2R z)). set (d := (2 ^ scale n)%positive).
  (* The multiple of the unit below x. *)
  exists (Int_part (x * IZR (Zpos d)) # d)%Q. apply value_squashed. fold x.
  destruct (base_Int_part (x * IZR (Zpos d))) as [L H]. set (m := Int_part _) in *. unfold real, q, Q2R. cbn [Qnum Qden]. fold d.
  assert (0 < IZR (Zpos d)) as D by now apply IZR_lt. assert (1 <= IZR (epsilon n)) as E by (apply IZR_le; lia). set (u := IZR (Zpos d)) in *.
  replace (IZR m * / u - x) with ((IZR m - x * u) * / u) by (field; lra).
  rewrite Rabs_mult, (Rabs_pos_eq (/ u)) by now apply Rlt_le, Rinv_0_lt_compat.
  apply Rmult_le_compat_r; [now apply Rlt_le, Rinv_0_lt_compat|]. unfold Rabs. destruct (Rcase_abs _); lra.
Qed.
Lemma near_exists n : (0 < epsilon n)%Z -> forall ts, exists v, near n ts v.
Proof.
  intros P ts. exists (sum ts). unfold near. setoid_replace (sum ts - sum ts)%Q with 0%Q by ring.
  assert (0 <= sum (map Qabs ts))%Q as N.
  { unfold sum. induction ts as [|t ts IH]; cbn [map fold_right]; [apply Qle_refl|]. apply (Qplus_le_compat 0 _ 0 _ (Qabs_nonneg t) IH). }
  apply Qmult_le_0_compat; [unfold real, q, Qle; cbn [Qnum Qden]; lia|]. apply (Qplus_le_compat 0 1 0); [discriminate|exact N].
Qed.
Lemma step_exists n x a b : well_formed n = true -> exists y, step n x a b y.
Proof.
  intros W. apply andb_prop in W as [W _]. apply andb_prop in W as [P G]. apply Z.ltb_lt in P.
  assert (exists s, stretch n (before x) (a, b) s) as [s S].
  { unfold stretch. destruct (cell n), (xorb (fst (before x)) (fst (a, b))), (xorb (snd (before x)) (snd (a, b)));
      solve [exists 1%Q; reflexivity | eexists (_ # 10 ^ 15); split; [apply Qle_refl|unfold Qle; cbn [Qnum Qden]; lia]]. }
  assert (forall g, exists v, gate n s (h x) a b g v) as E.
  { intros g. destruct (list_exists _ (near_exists n P) (map (terms n s (h x) a b) (snd g))) as [z Z].
    destruct (list_exists _ (squashed_exists n (fst g) P) z) as [v V]. exists v, z. auto. }
  destruct (list_exists _ E (gates n)) as [v V]. assert (length (gates n) = length v) as L by (clear - V; induction V; cbn; auto).
  apply Nat.eqb_eq in G. rewrite G in L.
  destruct (cell n) as [| |notebook] eqn:C.
  1,2: destruct v as [|v [|]]; try discriminate L; exists (State v [] (a, b)); split; [reflexivity|]; exists s, [v]; rewrite C; auto.
  destruct v as [|i [|f [|g [|o [|]]]]]; try discriminate L.
  destruct (list_exists _ (near_exists n P) (map2 (fun x y => [x; y]) (map2 Qmult g i) (map2 Qmult (c x) f))) as [z Z].
  destruct (list_exists _ (squashed_exists n (phi n) P) z) as [p Q].
  destruct (list_exists _ (near_exists n P) (map2 (fun p o => [(p * o)%Q]) p o)) as [h' H].
  exists (State h' (if notebook then p else z) (a, b)). split; [reflexivity|]. exists s, [i; f; g; o]. rewrite C. eauto 10.
Qed.
Theorem evaluation_exists n : well_formed n = true -> forall inputs x, exists answers, evaluation n x inputs answers.
Proof.
  intros W. pose proof W as P. apply andb_prop in P as [P _]. apply andb_prop in P as [P _]. apply Z.ltb_lt in P.
  induction inputs as [|[a b] inputs IH]; intros x; [eexists; constructor|].
  destruct (step_exists n x a b W) as [y S]. destruct (IH y) as [answers E].
  destruct (near_exists n P (terms n 1 (h y) false false (output n))) as [z Z]. destruct (squashed_exists n (psi n) P z) as [o O].
  eexists. econstructor; [exact S| |exact E]. exists z, o. auto.
Qed.

Print Assumptions value_squashed.
Print Assumptions evaluation_exists.
