"""The words of Lean that no proof may hold.

Source: the Lean language reference, "Source Files", "Definitions", "Notations and Macros" and
"Axioms", and the tactics and commands of Mathlib.
"""

_COMMANDS = """
abbrev add_decl_doc alias assert_not_exists assert_not_imported attribute axiom binder_predicate
builtin_dsimproc builtin_initialize builtin_simproc class class_abbrev coinductive
compile_inductive count_heartbeats declare_aesop_rule_sets declare_config_elab
declare_simp_like_tactic declare_syntax_cat decreasing_by def deriving dsimproc dsimproc_decl elab
elab_rules end example export extern grind_pattern import include inductive infix infixl infixr
init_quot initialize initialize_simps_projections instance irreducible_def lemma library_note local
macro macro_rules meta module mutual namespace noncomputable nonrec notation notation3 omit opaque
open partial postfix prefix prelude private proof_wanted protected public recall
register_builtin_option register_label_attr register_option register_simp_attr
register_tactic_tag run_cmd run_conv run_elab run_meta run_tac scoped seal section set_option
simproc simproc_decl structure suppress_compilation syntax tactic_extension termination_by theorem
unif_hint universe unseal unsuppress_compilation variable whatsnew where
"""
COMMANDS = frozenset(_COMMANDS.split())
"""Keywords that begin or modify a declaration, or run code: no part of any proof here."""

_UNPROVED = """
admit lcAny lcProof lcUnreachable mkLabeledSorry mkSorry ofReduceBool ofReduceNat reduceBool
reduceNat skipKernelTC sorry sorryAx trustCompiler
"""
UNPROVED = frozenset(_UNPROVED.split())
"""Words that stand for a claim without a proof, or with one that the kernel does not check."""

_RUN_CODE = """
addAndCompile addDecl addDeclCore addDeclWithoutChecking bv_check bv_decide by_elab csimp dbgSleep
dbgStackTrace dbgTrace dbgTraceIfShared dbgTraceVal dbg_stack_trace dbg_trace evalConst
evalConstCheck evalDecl implemented_by include_bytes include_str modifyEnv native native_decide
polyrith setEnv
BaseIO CommandElabM CoreM EIO Elab IO Lean MacroM Meta MetaM TacticM TermElabM
"""
RUN_CODE = frozenset(_RUN_CODE.split())
"""Words that run code while a proof is read, or trust the compiler."""
