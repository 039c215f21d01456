"""Ways to have a false statement accepted, or to reach beyond the proof, and what each tries."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cheat:
    """A submission that must not pass."""

    aim: str
    """What it tries."""
    proof: str
    """The submission; the statement is false, or it is not what it seems."""


REFUSED = [
    Cheat("to admit the statement", "Admitted."),
    Cheat("to admit it and prove something else", "Admitted. Theorem other : True. exact I. Qed."),
    Cheat("to admit the goal", "admit."),
    Cheat("to admit the goal from within", "try (idtac; admit)."),
    Cheat("to admit the goal by a term", "exact (ltac:(admit))."),
    Cheat("to give the goal up", "give_up."),
    Cheat("to give up and save", "give_up. Admitted."),
    Cheat("to leave the proof and assume", "Abort. Axiom pinned_goal : False."),
    Cheat("to assume in the middle", "Axiom cheat : False. exact cheat."),
    Cheat("to take a parameter", "Parameter cheat : False. exact cheat."),
    Cheat("to take a conjecture", "Conjecture cheat : False. exact cheat."),
    Cheat("to open a section", "Section S. Variable cheat : False. exact cheat."),
    Cheat("to use a variable", "Variable cheat : False. exact cheat."),
    Cheat("to use a hypothesis", "Hypothesis cheat : False. exact cheat."),
    Cheat("to use a context", "Context (cheat : False). exact cheat."),
    Cheat("to name a section's variables", "Proof using Type. exact I."),
    Cheat("to give another meaning to the sign", 'Notation "x = y" := True. exact I.'),
    Cheat("to give another meaning to a word", "Notation False := True. exact I."),
    Cheat("to give another meaning locally", 'Local Notation "x = y" := True. exact I.'),
    Cheat("to give the theorem's name to another", "Abort. Theorem pinned_goal : True."),
    Cheat("to nest a lemma", "Lemma other : False. Admitted. exact other."),
    Cheat("to define a tactic", "Ltac cheat := admit. cheat."),
    Cheat("to redefine a tactic", "Ltac reflexivity ::= admit. reflexivity."),
    Cheat("to bind a notation for tactics", 'Tactic Notation "t" := admit. t.'),
    Cheat("to unset the guard check", "Unset Guard Checking. exact I."),
    Cheat("to unset the positivity check", "Unset Positivity Checking. exact I."),
    Cheat("to unset the universe check", "Unset Universe Checking. exact I."),
    Cheat("to bypass by an attribute", "#[bypass_check(guard)] exact I."),
    Cheat("to set an option", "Set Typeclasses Unique Solutions. exact I."),
    Cheat("to write a file", 'Redirect "x" Print nat. exact I.'),
    Cheat("to write a file in a tactic's place", 'exact I. Redirect "/tmp/Pinned_check" Show.'),
    Cheat("to write a proof's file", "Drop. exact I."),
    Cheat("to load a file", 'Load "x". exact I.'),
    Cheat("to load a library", "Require Import Classical. exact I."),
    Cheat("to load a library from somewhere", "From Coq Require Import Classical. exact I."),
    Cheat("to import a module", "Import Nat. exact I."),
    Cheat("to change the folder", 'Cd "/". exact I.'),
    Cheat("to add a folder", 'Add LoadPath "/" as X. exact I.'),
    Cheat("to load machine code", 'Declare ML Module "ltac_plugin". exact I.'),
    Cheat("to extract a program", "Extraction nat. exact I."),
    Cheat("to extract into a file", 'Extraction "x" nat. exact I.'),
    Cheat("to evaluate", "Eval compute in 1. exact I."),
    Cheat("to turn a failure round", "Fail exact I."),
    Cheat("to wrap a command", "Time Admitted."),
    Cheat("to wrap it in a time limit", "Timeout 1 Admitted."),
    Cheat("to wrap it in a message", "Succeed Admitted."),
    Cheat("to go back", "Undo. exact I."),
    Cheat("to go back further", "Back 1. exact I."),
    Cheat("to go back to a state", "BackTo 1. exact I."),
    Cheat("to begin anew", "Restart. exact I."),
    Cheat("to reset", "Reset Initial. exact I."),
    Cheat("to begin another goal", "Goal True. exact I."),
    Cheat("to finish early", "exact I. Qed. Theorem t : True. exact I."),
    Cheat("to finish early under another name", "exact I. Save pinned_goal."),
    Cheat("to finish with a definition", "Defined."),
    Cheat("to let an obligation stand", "Obligation 1. exact I."),
    Cheat("to admit obligations", "Admit Obligations. exact I."),
    Cheat("to add a hint", "Hint Resolve I : core. auto."),
    Cheat("to add a coercion", "Coercion f : bool >-> Sortclass. exact I."),
    Cheat("to make an instance", "Instance cheat : False. exact I."),
    Cheat("to make a scheme", "Scheme Equality for nat. exact I."),
    Cheat("to speak of a universe", "Universe u. exact I."),
    Cheat("to show a state", "Show. exact I."),
    Cheat("to print", "Print All. exact I."),
    Cheat("to search", "Search nat. exact I."),
    Cheat("to hide in a comment command", 'Comments "x". exact I.'),
    Cheat("to hide behind a comment", "(* Admitted. *) Admitted."),
    Cheat("to hide behind a nested comment", "(* (* *) exact I. *) Admitted."),
    Cheat("to hide in a comment that a string keeps open", '(* " *) exact I. " *) Admitted.'),
    Cheat("to hide behind a string", 'idtac "(*". Admitted. idtac "*)".'),
    Cheat("to end a sentence in a string", 'idtac "a. Admitted. b".'),
    Cheat("to hide behind two quotes", 'idtac """. Admitted. idtac """.'),
    Cheat("to hide behind a bullet", "- Admitted."),
    Cheat("to hide behind bullets", "- + * -- Admitted."),
    Cheat("to hide behind a brace", "{ Admitted. }"),
    Cheat("to hide behind a selector", "1: Admitted."),
    Cheat("to hide behind a selector and a brace", "1: { Admitted. }"),
    Cheat("to hide behind other selectors", "all: give_up."),
    Cheat("to select by name", "[x]: exact I."),
    Cheat("to start worker processes", "par: exact I."),
    Cheat("to end with three dots", "intros... Admitted."),
    Cheat("to end with dots and a blank", "exact I.. Admitted."),
    Cheat("to end at a form feed", "exact I.\fAdmitted."),
    Cheat("to end at a vertical tab", "exact I.\vAdmitted."),
    Cheat("to end at a NUL", "exact I.\0Admitted."),
    Cheat("to end at a no-break space", "exact I.\u00a0Admitted."),
    Cheat("to look alike", "\u0430dmit."),
    Cheat("to turn the text round", "\u202eexact I."),
    Cheat("to hide in a zero-width space", "ad\u200bmit."),
    Cheat("to run a compiler", "native_compute. exact I."),
    Cheat("to run a compiler in a term", "exact (I <<: True)."),
    Cheat("to run a compiler within", "let x := eval native_compute in 1 in idtac."),
    Cheat("to cast unchecked", "exact_no_check I."),
    Cheat("to cast unchecked by the machine", "vm_cast_no_check I."),
    Cheat("to cast unchecked by the compiler", "native_cast_no_check I."),
    Cheat("to change unchecked", "intros; convert_concl_no_check True."),
    Cheat("to change unchecked, by a flag", "change_no_check True. exact I."),
    Cheat("to declare a constant", "abstract exact I."),
    Cheat("to declare a constant within", "try abstract (exact I) using Pinned_check."),
    Cheat("to call a program", 'external "sh" "-c" I. exact I.'),
    Cheat("to call a solver's program", "psatz Z."),
    Cheat("to shelve the goal", "shelve."),
    Cheat("to shelve the goal within", "refine (let x := _ in _); shelve."),
    Cheat("to shelve and bring back", "Unshelve. exact I."),
    Cheat("to turn what is open into goals", "Grab Existential Variables. exact I."),
    Cheat("to speak another language", "ltac2:(Control.shelve ())."),
    Cheat("to speak it in a term", "exact ltac2:(I)."),
    Cheat("to imitate the prompt", "foo <prompt>Coq < 1 || 0 < </prompt>."),
    Cheat("to state another theorem in front", "Theorem t : True. Proof. exact I. Qed."),
    Cheat("to end the file", "Qed. Admitted."),
    Cheat("to prove nothing", "Proof. Qed."),
    Cheat("to say nothing", "(* nothing *)"),
    Cheat("to leave a sentence open", "exact I"),
    Cheat("to leave a comment open", "exact I. (*"),
    Cheat("to leave a string open", 'idtac "x.'),
]
"""What is refused before Coq sees it."""

FALSE = [
    Cheat("a loop", "fix loop 0. exact loop."),
    Cheat("a loop by a name", "fix loop 1. exact (loop I)."),
    Cheat("a loop in a term", "exact ((fix loop (n : nat) : False := loop n) 0)."),
    Cheat("a cycle", "cofix loop. exact loop."),
    Cheat("a hole", "refine _."),
    Cheat("a hole under a name", "refine ?[x]."),
    Cheat("a hole that is cut", "assert (H : False). 2: exact H."),
    Cheat("a hole for another", "assert (H : exists p : False, True) by (eexists; exact I)."),
    Cheat("a variable of its own", "evar (x : False). exact x."),
    Cheat("an equation that does not hold", "change True. exact I."),
    Cheat("a cast", "exact (I : False)."),
    Cheat("a cast by the machine", "exact (I <: False)."),
    Cheat("the machine", "vm_compute. exact I."),
    Cheat("a universe in itself", "exact (let T := Type in (fun x : T => x) T)."),
    Cheat("the theorem itself", "exact pinned_goal."),
    Cheat("the theorem of the check", "exact Pinned_check.pinned."),
    Cheat("the submission itself", "exact Submission.pinned_goal."),
    Cheat("a classical axiom", "exact (Coq.Logic.Classical_Prop.classic False)."),
    Cheat("nothing but success", "try fail."),
    Cheat("nothing", "idtac."),
    Cheat("a proof of another statement", "all: try exact I. 1-2: exact I."),
    Cheat("a goal turned round", "generalize I. intro. assumption."),
    Cheat("a let", "pose (x := False). exact x."),
    Cheat("an unfinished focus", "{ exact I."),
    Cheat("an unfinished bullet", "- idtac."),
    Cheat("a hint that there is not", "auto with nocore."),
    Cheat("a contradiction that there is not", "exfalso. discriminate."),
    Cheat("an arithmetic that there is not", "lia."),
    Cheat("a hint that goes round", "assert (H : False -> False) by trivial. apply H. apply H."),
    Cheat("a hypothesis that is cleared", "assert (H : False) by (clear; fail). exact H."),
    Cheat("a goal that is swapped away", "cut True; [| exact I]. swap 1 1. exact I."),
    Cheat("an instance out of nothing", "typeclasses eauto."),
    Cheat("a focus that is left", "assert (H : True). { exact I. } exact H."),
    Cheat("a failure that is caught", "try (exfalso; assumption). all: try exact I."),
    Cheat("a tactic in a term", "exact ltac:(exact I)."),
    Cheat(
        "a goal in a match", "match goal with |- ?G => assert (G -> True) by (intro; exact I) end."
    ),
]
"""What Coq itself has to refuse as a proof of False."""

BEHIND_THE_LIST = [
    Cheat("an axiom", "Abort. Axiom pinned_goal : {statement}. Lemma x : True. exact I."),
    Cheat("an admitted theorem", "Admitted. Lemma x : True. exact I."),
    Cheat("an admitted lemma", "Abort. Lemma c : False. Admitted. {again} destruct c."),
    Cheat(
        "an unset guard",
        "Abort. Unset Guard Checking. Definition c : False := (fix f (n : nat) : False := f n) 0. "
        "Set Guard Checking. {again} destruct c.",
    ),
    Cheat(
        "an unset positivity",
        "Abort. Unset Positivity Checking. Inductive T := c (f : T -> False). "
        "Set Positivity Checking. {again} exfalso. "
        "assert (no : T -> False). {{ intro t. destruct t as [f] eqn:E. apply f. exact t. }} "
        "exact (no (c no)).",
    ),
    Cheat(
        "unset universes",
        "Abort. Require Import Coq.Logic.Hurkens. Unset Universe Checking. "
        "Definition c : False := TypeNeqSmallType.paradox Type eq_refl. "
        "Set Universe Checking. {again} destruct c.",
    ),
    Cheat(
        "another sign",
        'Abort. Notation "x = y" := True : type_scope. {again} exact (fun _ _ => I).',
    ),
    Cheat("another word", "Abort. Notation nat := unit. {again} intros [] []. reflexivity."),
    Cheat("another type", "Abort. Inductive nat := one. {again} intros [] []. reflexivity."),
    Cheat("another statement", "Abort. Lemma pinned_goal : True. exact I."),
    Cheat("another sort", "Abort. Definition pinned_goal := True. Lemma x : True. exact I."),
    Cheat(
        "a section's variable",
        "Abort. Section S. Variable c : False. {again} destruct c. Qed. End S. "
        "Lemma x : True. exact I.",
    ),
    Cheat("a variable outside of a section", "Abort. Variable c : False. {again} destruct c."),
    Cheat("no theorem at all", "Abort. Lemma x : True. exact I."),
    Cheat(
        "a module of that name",
        "Abort. Module pinned_goal. End pinned_goal. Lemma x : True. exact I.",
    ),
    Cheat(
        "an axiom that looks like a library's",
        "Abort. Module Coq. Axiom c : False. End Coq. {again} destruct Coq.c.",
    ),
    Cheat(
        "an axiom in a module that is exported",
        "Abort. Module M. Axiom c : False. End M. Export M. {again} destruct c.",
    ),
    Cheat(
        "a module's own copy",
        "Abort. Module Type T. Axiom c : False. End T. Declare Module M : T. {again} destruct M.c.",
    ),
    Cheat(
        "an instance that is left open",
        "Abort. Existing Class False. Axiom c : False. "
        "Existing Instance c. {again} destruct (_ : False).",
    ),
    Cheat(
        "a coercion",
        "Abort. Axiom c : True -> False. Coercion c : True >-> False. {again} "
        "destruct (I : False).",
    ),
]
"""What the second process has to refuse where the list of tactics is left out.

`{again}` states the theorem once more.
"""

STATEMENT = "forall a b : nat, a = b"
"""What the cheats behind the list are to prove."""
AGAIN = f"Lemma pinned_goal : {STATEMENT}."
