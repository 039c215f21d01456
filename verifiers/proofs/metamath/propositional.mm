$( propositional.mm: classical propositional calculus from three axioms and modus ponens.

   Part of gym_reason. This file is dedicated to the public domain under CC0 1.0,
   https://creativecommons.org/publicdomain/zero/1.0/ $)

$( The symbols: brackets, "not", "implies", "and", "or", "if and only if", the type of formulas, and
   the sign in front of what is proved. $)
$c ( ) -. -> /\ \/ <-> wff |- $.

$( Any formulas. $)
$v p q r s t $.
wp $f wff p $.
wq $f wff q $.
wr $f wff r $.
ws $f wff s $.
wt $f wff t $.

$( How formulas are built. $)
wn $a wff -. p $.
wi $a wff ( p -> q ) $.
wa $a wff ( p /\ q ) $.
wo $a wff ( p \/ q ) $.
wb $a wff ( p <-> q ) $.


$(
------------------------------------------------------------------------------------------------
  Axioms
------------------------------------------------------------------------------------------------
$)
$( What holds, holds under any assumption. $)
ax-keep $a |- ( p -> ( q -> p ) ) $.

$( An assumption is shared by the two sides of an implication. $)
ax-share $a |- ( ( p -> ( q -> r ) ) -> ( ( p -> q ) -> ( p -> r ) ) ) $.

$( An implication between negations, turned round. $)
ax-flip $a |- ( ( -. p -> -. q ) -> ( q -> p ) ) $.

${
  mp.1 $e |- p $.
  mp.2 $e |- ( p -> q ) $.
  $( Modus ponens, the only rule. $)
  mp $a |- q $.
$}


$(
------------------------------------------------------------------------------------------------
  Implication
------------------------------------------------------------------------------------------------
$)
${
  keep.1 $e |- p $.
  $( Put an assumption in front of what holds. $)
  keep $p |- ( q -> p ) $=
    ( wi ax-keep mp ) ABADCABEF $.
$}

${
  share.1 $e |- ( p -> ( q -> r ) ) $.
  $( Share an assumption. $)
  share $p |- ( ( p -> q ) -> ( p -> r ) ) $=
    ( wi ax-share mp ) ABCEEABEACEEDABCFG $.
$}

${
  mp-under.1 $e |- ( p -> q ) $.
  mp-under.2 $e |- ( p -> ( q -> r ) ) $.
  $( Modus ponens under an assumption. $)
  mp-under $p |- ( p -> r ) $=
    ( wi share mp ) ABFACFDABCEGH $.
$}

$( Every formula implies itself. $)
id $p |- ( p -> p ) $=
  ( wi ax-keep mp-under ) AAABZAAACAECD $.

${
  chain.1 $e |- ( p -> q ) $.
  chain.2 $e |- ( q -> r ) $.
  $( Two implications in a row. $)
  chain $p |- ( p -> r ) $=
    ( wi keep mp-under ) ABCDBCFAEGH $.
$}

${
  mp2.1 $e |- p $.
  mp2.2 $e |- q $.
  mp2.3 $e |- ( p -> ( q -> r ) ) $.
  $( Modus ponens twice. $)
  mp2 $p |- r $=
    ( wi mp ) BCEABCGDFHH $.
$}

$( Every formula implies itself, under an assumption. $)
id-under $p |- ( p -> ( q -> q ) ) $=
  ( wi id keep ) BBCABDE $.

${
  keep-under.1 $e |- ( p -> q ) $.
  $( Put an assumption in front, under an assumption. $)
  keep-under $p |- ( p -> ( r -> q ) ) $=
    ( wi ax-keep chain ) ABCBEDBCFG $.
$}

${
  share-under.1 $e |- ( p -> ( q -> ( r -> s ) ) ) $.
  $( Share an assumption, under an assumption. $)
  share-under $p |- ( p -> ( ( q -> r ) -> ( q -> s ) ) ) $=
    ( wi ax-share chain ) ABCDFFBCFBDFFEBCDGH $.
$}

$( An implication may be put behind another. $)
extend $p |- ( ( q -> r ) -> ( ( p -> q ) -> ( p -> r ) ) ) $=
  ( wi ax-keep share-under ) BCDZABCGAEF $.

${
  extend-i.1 $e |- ( q -> r ) $.
  $( The same as a rule. $)
  extend-i $p |- ( ( p -> q ) -> ( p -> r ) ) $=
    ( wi keep share ) ABCBCEADFG $.
$}

${
  swap-i.1 $e |- ( p -> ( q -> r ) ) $.
  $( Two assumptions change places. $)
  swap-i $p |- ( q -> ( p -> r ) ) $=
    ( wi ax-keep share chain ) BABEACEBAFABCDGH $.
$}

$( An implication may be put in front of another. $)
precede $p |- ( ( p -> q ) -> ( ( q -> r ) -> ( p -> r ) ) ) $=
  ( wi extend swap-i ) BCDABDACDABCEF $.

${
  precede-i.1 $e |- ( p -> q ) $.
  $( The same as a rule. $)
  precede-i $p |- ( ( q -> r ) -> ( p -> r ) ) $=
    ( wi precede mp ) ABEBCEACEEDABCFG $.
$}

$( Two assumptions change places, as one formula. $)
swap $p |- ( ( p -> ( q -> r ) ) -> ( q -> ( p -> r ) ) ) $=
  ( wi ax-share ax-keep precede-i chain ) ABCDDABDZACDZDBJDABCEBIJBAFGH $.

$( Modus ponens as one formula. $)
detach $p |- ( p -> ( ( p -> q ) -> q ) ) $=
  ( wi id swap-i ) ABCZABFDE $.

$( Twice the same assumption is once. $)
merge $p |- ( ( p -> ( p -> q ) ) -> ( p -> q ) ) $=
  ( wi id ax-share swap-i mp ) AACZAABCZCZICADJHIAABEFG $.

${
  merge-i.1 $e |- ( p -> ( p -> q ) ) $.
  $( The same as a rule. $)
  merge-i $p |- ( p -> q ) $=
    ( id mp-under ) AABADCE $.
$}

${
  chain-under.1 $e |- ( p -> ( q -> r ) ) $.
  chain-under.2 $e |- ( p -> ( r -> s ) ) $.
  $( Two implications in a row, under an assumption. $)
  chain-under $p |- ( p -> ( q -> s ) ) $=
    ( wi keep-under share-under mp-under ) ABCGBDGEABCDACDGBFHIJ $.
$}

${
  chain-inner.1 $e |- ( p -> q ) $.
  chain-inner.2 $e |- ( r -> ( q -> s ) ) $.
  $( The second assumption is made stronger. $)
  chain-inner $p |- ( r -> ( p -> s ) ) $=
    ( wi precede-i chain ) CBDGADGFABDEHI $.
$}

${
  chain-outer.1 $e |- ( p -> ( q -> r ) ) $.
  chain-outer.2 $e |- ( r -> s ) $.
  $( The conclusion is made weaker. $)
  chain-outer $p |- ( p -> ( q -> s ) ) $=
    ( wi extend-i chain ) ABCGBDGEBCDFHI $.
$}

${
  swap-under.1 $e |- ( p -> ( q -> ( r -> s ) ) ) $.
  $( The second and the third assumption change places. $)
  swap-under $p |- ( p -> ( r -> ( q -> s ) ) ) $=
    ( wi swap chain ) ABCDFFCBDFFEBCDGH $.
$}

${
  chain-both.1 $e |- ( p -> q ) $.
  chain-both.2 $e |- ( p -> r ) $.
  chain-both.3 $e |- ( q -> ( r -> s ) ) $.
  $( Two consequences are used together. $)
  chain-both $p |- ( p -> s ) $=
    ( wi chain mp-under ) ACDFABCDHEGIJ $.
$}

${
  between.1 $e |- ( p -> q ) $.
  between.2 $e |- ( r -> s ) $.
  $( An implication between two others. $)
  between $p |- ( ( q -> r ) -> ( p -> s ) ) $=
    ( wi extend-i chain-inner ) ABBCGDEBCDFHI $.
$}


$(
------------------------------------------------------------------------------------------------
  Negation
------------------------------------------------------------------------------------------------
$)
$( Anything follows from a contradiction. $)
explode $p |- ( -. p -> ( p -> q ) ) $=
  ( wn wi ax-keep ax-flip chain ) ACZBCZHDABDHIEBAFG $.

$( The same with its assumptions swapped. $)
explode-swap $p |- ( p -> ( -. p -> q ) ) $=
  ( wn explode swap-i ) ACABABDE $.

$( What follows from its own negation holds. $)
clavius $p |- ( ( -. p -> p ) -> p ) $=
  ( wn wi explode share ax-flip chain merge-i ) ABZACZAJIJBZCJACIAKAKDEAJFGH $.

$( A double negation is removed. $)
not-not-e $p |- ( -. -. p -> p ) $=
  ( wn wi explode clavius chain ) ABZBGACAGADAEF $.

$( A double negation is added. $)
not-not-i $p |- ( p -> -. -. p ) $=
  ( wn wi not-not-e ax-flip mp ) ABZBZBGCAHCGDHAEF $.

$( Contraposition. $)
contrapose $p |- ( ( p -> q ) -> ( -. q -> -. p ) ) $=
  ( wi wn not-not-e not-not-i between ax-flip chain ) ABCADZDZBDZDZCLJCKABMAEBFGJLHI $.

${
  contrapose-i.1 $e |- ( p -> q ) $.
  $( The same as a rule. $)
  contrapose-i $p |- ( -. q -> -. p ) $=
    ( wi wn contrapose mp ) ABDBEAEDCABFG $.
$}

$( Contraposition of a negated conclusion. $)
turn-not $p |- ( ( p -> -. q ) -> ( q -> -. p ) ) $=
  ( wn wi not-not-e precede-i ax-flip chain ) ABCZDACZCZIDBJDKAIAEFJBGH $.

${
  turn-not-i.1 $e |- ( p -> -. q ) $.
  $( The same as a rule. $)
  turn-not-i $p |- ( q -> -. p ) $=
    ( wn wi turn-not mp ) ABDEBADECABFG $.
$}

$( Contraposition of a negated assumption. $)
turn-pos $p |- ( ( -. p -> q ) -> ( -. q -> p ) ) $=
  ( wn wi not-not-i extend-i ax-flip chain ) ACZBDIBCZCZDJADIBKBEFAJGH $.

${
  turn-pos-i.1 $e |- ( -. p -> q ) $.
  $( The same as a rule. $)
  turn-pos-i $p |- ( -. q -> p ) $=
    ( wn wi turn-pos mp ) ADBEBDAECABFG $.
$}

${
  mt.1 $e |- -. q $.
  mt.2 $e |- ( p -> q ) $.
  $( Modus tollens. $)
  mt $p |- -. p $=
    ( wn contrapose-i mp ) BEAECABDFG $.
$}

$( What implies its own negation does not hold. $)
absurd $p |- ( ( p -> -. p ) -> -. p ) $=
  ( wn wi not-not-e precede-i clavius chain ) AABZCHBZHCHIAHADEHFG $.

$( Proof by two cases. $)
cases $p |- ( ( p -> q ) -> ( ( -. p -> q ) -> q ) ) $=
  ( wn wi turn-pos extend clavius chain-outer chain-inner ) ACBDBCZADZABDZBABELKJBDBJABFBGHI $.

${
  cases-i.1 $e |- ( p -> q ) $.
  cases-i.2 $e |- ( -. p -> q ) $.
  $( The same as a rule. $)
  cases-i $p |- q $=
    ( wi wn cases mp2 ) ABEAFBEBCDABGH $.
$}

$( The law of Peirce. $)
peirce $p |- ( ( ( p -> q ) -> p ) -> p ) $=
  ( wi wn explode precede-i clavius chain ) ABCZACADZACAJIAABEFAGH $.

$( Where an implication fails, its assumption holds. $)
not-if-l $p |- ( -. ( p -> q ) -> p ) $=
  ( wi explode turn-pos-i ) AABCABDE $.

$( Where an implication fails, its conclusion fails. $)
not-if-r $p |- ( -. ( p -> q ) -> -. q ) $=
  ( wi ax-keep contrapose-i ) BABCBADE $.

$( When an implication fails. $)
not-if-i $p |- ( p -> ( -. q -> -. ( p -> q ) ) ) $=
  ( wi wn detach contrapose chain ) AABCZBCBDHDCABEHBFG $.


$(
------------------------------------------------------------------------------------------------
  Conjunction
------------------------------------------------------------------------------------------------
$)
$( What "and" means, first half. $)
df-and-e $a |- ( ( p /\ q ) -> -. ( p -> -. q ) ) $.

$( What "and" means, second half. $)
df-and-i $a |- ( -. ( p -> -. q ) -> ( p /\ q ) ) $.

$( The left part. $)
and-l $p |- ( ( p /\ q ) -> p ) $=
  ( wa wn wi df-and-e not-if-l chain ) ABCABDZEDAABFAIGH $.

$( The right part. $)
and-r $p |- ( ( p /\ q ) -> q ) $=
  ( wa wn wi df-and-e not-if-r chain not-not-e ) ABCZBDZDZBJAKEDLABFAKGHBIH $.

$( Two formulas are put together. $)
and-i $p |- ( p -> ( q -> ( p /\ q ) ) ) $=
  ( wn wi wa not-not-i not-if-i chain-inner df-and-i chain-outer )
  ABABCZDCZABEBKCALBFAKGHABIJ $.

${
  pair.1 $e |- p $.
  pair.2 $e |- q $.
  $( The same as a rule. $)
  pair $p |- ( p /\ q ) $=
    ( wa and-i mp2 ) ABABECDABFG $.
$}

${
  pair-under.1 $e |- ( p -> q ) $.
  pair-under.2 $e |- ( p -> r ) $.
  $( The same under an assumption. $)
  pair-under $p |- ( p -> ( q /\ r ) ) $=
    ( wa and-i chain-both ) ABCBCFDEBCGH $.
$}

${
  import-i.1 $e |- ( p -> ( q -> r ) ) $.
  $( Two assumptions become one. $)
  import-i $p |- ( ( p /\ q ) -> r ) $=
    ( wa and-l and-r chain-both ) ABEABCABFABGDH $.
$}

${
  export-i.1 $e |- ( ( p /\ q ) -> r ) $.
  $( One assumption becomes two. $)
  export-i $p |- ( p -> ( q -> r ) ) $=
    ( wa and-i chain-outer ) ABABECABFDG $.
$}

$( Two assumptions become one, as one formula. $)
import $p |- ( ( p -> ( q -> r ) ) -> ( ( p /\ q ) -> r ) ) $=
  ( wa wi and-r and-l precede-i ax-share chain swap-i mp )
  ABDZBEZABCEZEZMCEZEABFPNQPMOENQEMAOABGHMBCIJKL $.

$( One assumption becomes two, as one formula. $)
export $p |- ( ( ( p /\ q ) -> r ) -> ( p -> ( q -> r ) ) ) $=
  ( wa wi and-i extend chain-inner ) ABABDZEICEBCEABFBICGH $.

$( The parts change places. $)
and-swap $p |- ( ( p /\ q ) -> ( q /\ p ) ) $=
  ( wa and-r and-l pair-under ) ABCBAABDABEF $.

$( Twice the same. $)
and-same $p |- ( p -> ( p /\ p ) ) $=
  ( id pair-under ) AAAABZDC $.

$( The brackets move to the right. $)
and-shift-r $p |- ( ( ( p /\ q ) /\ r ) -> ( p /\ ( q /\ r ) ) ) $=
  ( wa and-l chain and-r pair-under ) ABDZCDZABCDJIAICEZABEFJBCJIBKABGFICGHH $.

$( The brackets move to the left. $)
and-shift-l $p |- ( ( p /\ ( q /\ r ) ) -> ( ( p /\ q ) /\ r ) ) $=
  ( wa and-l and-r chain pair-under ) ABCDZDZABDCJABAIEJIBAIFZBCEGHJICKBCFGH $.

${
  and-mono.1 $e |- ( p -> q ) $.
  and-mono.2 $e |- ( r -> s ) $.
  $( Both parts are made weaker. $)
  and-mono $p |- ( ( p /\ r ) -> ( q /\ s ) ) $=
    ( wa and-l chain and-r pair-under ) ACGZBDLABACHEILCDACJFIK $.
$}

$( Modus ponens with a conjunction. $)
and-detach $p |- ( ( p /\ ( p -> q ) ) -> q ) $=
  ( wi detach import-i ) AABCBABDE $.

$( Two implications in a row, with a conjunction. $)
and-chain $p |- ( ( ( p -> q ) /\ ( q -> r ) ) -> ( p -> r ) ) $=
  ( wi precede import-i ) ABDBCDACDABCEF $.

$( An implication to both parts is two implications. $)
and-split $p |- ( ( p -> ( q /\ r ) ) -> ( ( p -> q ) /\ ( p -> r ) ) ) $=
  ( wa wi and-l extend-i and-r pair-under ) ABCDZEABEACEAJBBCFGAJCBCHGI $.

$( No formula holds together with its negation. $)
consistent $p |- -. ( p /\ -. p ) $=
  ( wn wa wi not-not-i mp df-and-e mt ) AABZCAIBDZBZJKBAEJEFAIGH $.


$(
------------------------------------------------------------------------------------------------
  Disjunction
------------------------------------------------------------------------------------------------
$)
$( What "or" means, first half. $)
df-or-e $a |- ( ( p \/ q ) -> ( -. p -> q ) ) $.

$( What "or" means, second half. $)
df-or-i $a |- ( ( -. p -> q ) -> ( p \/ q ) ) $.

$( From the left part. $)
or-l $p |- ( p -> ( p \/ q ) ) $=
  ( wn wi wo explode-swap df-or-i chain ) AACBDABEABFABGH $.

$( From the right part. $)
or-r $p |- ( q -> ( p \/ q ) ) $=
  ( wn wi wo ax-keep df-or-i chain ) BACZBDABEBIFABGH $.

$( The excluded middle. $)
middle $p |- ( p \/ -. p ) $=
  ( wn wi wo id df-or-i mp ) ABZHCAHDHEAHFG $.

${
  or-cases.1 $e |- ( p -> r ) $.
  or-cases.2 $e |- ( q -> r ) $.
  $( What follows from both parts. $)
  or-cases $p |- ( ( p \/ q ) -> r ) $=
    ( wo wn wi df-or-e chain-outer cases mp chain ) ABFZAGZCHZCNOBCABIEJACHPCHDACKLM $.
$}

${
  or-drop.1 $e |- ( p \/ q ) $.
  or-drop.2 $e |- -. p $.
  $( One part fails, so the other holds. $)
  or-drop $p |- q $=
    ( wn wo wi df-or-e mp ) AEZBDABFJBGCABHII $.
$}

$( The parts change places. $)
or-swap $p |- ( ( p \/ q ) -> ( q \/ p ) ) $=
  ( wo or-r or-l or-cases ) ABBACBADBAEF $.

$( Twice the same. $)
or-same $p |- ( ( p \/ p ) -> p ) $=
  ( id or-cases ) AAAABZDC $.

$( The brackets move to the right. $)
or-shift-r $p |- ( ( ( p \/ q ) \/ r ) -> ( p \/ ( q \/ r ) ) ) $=
  ( wo or-l or-r chain or-cases ) ABDCABCDZDZABJAIEBIJBCEAIFZGHCIJBCFKGH $.

$( The brackets move to the left. $)
or-shift-l $p |- ( ( p \/ ( q \/ r ) ) -> ( ( p \/ q ) \/ r ) ) $=
  ( wo or-l chain or-r or-cases ) ABCDABDZCDZAIJABEICEZFBCJBIJABGKFICGHH $.

${
  or-mono.1 $e |- ( p -> q ) $.
  or-mono.2 $e |- ( r -> s ) $.
  $( Both parts are made weaker. $)
  or-mono $p |- ( ( p \/ r ) -> ( q \/ s ) ) $=
    ( wo or-l chain or-r or-cases ) ACBDGZABLEBDHICDLFBDJIK $.
$}

$( Resolution. $)
resolve $p |- ( ( p \/ q ) -> ( ( -. p \/ r ) -> ( q \/ r ) ) ) $=
  ( wn wo wi explode or-r chain-outer keep-under or-cases swap-i or-l )
  ABADZCEZBCEZFOAPNCAPFNACPACGBCHZICPAQJKLBPOBCMJK $.

$( "And" is distributed over "or". $)
and-over-or $p |- ( ( p /\ ( q \/ r ) ) -> ( ( p /\ q ) \/ ( p /\ r ) ) ) $=
  ( wo wa wi and-i or-l chain-outer swap-i or-r or-cases import-i )
  ABCDZABEZACEZDZNAQBCAQFABQABOQABGOPHIJACQACPQACGOPKIJLJM $.

$( A common part is taken out. $)
or-out-and $p |- ( ( ( p /\ q ) \/ ( p /\ r ) ) -> ( p /\ ( q \/ r ) ) ) $=
  ( wa wo id or-l and-mono or-r or-cases ) ABDACDABCEZDAABKAFZBCGHAACKLBCIHJ $.

$( "Or" is distributed over "and". $)
or-over-and $p |- ( ( p \/ ( q /\ r ) ) -> ( ( p \/ q ) /\ ( p \/ r ) ) ) $=
  ( wa wo or-l pair-under or-r and-mono or-cases ) ABCDABEZACEZDAKLABFACFGBKCLABHACHIJ $.

$( A common part is taken out. $)
and-out-or $p |- ( ( ( p \/ q ) /\ ( p \/ r ) ) -> ( p \/ ( q /\ r ) ) ) $=
  ( wo wa wi or-l keep-under and-i or-r chain-outer swap-i or-cases import-i )
  ABDACDZABCEZDZABOQFAQOAPGZHOBQACBQFAQBRHBCQBCPQBCIAPJKLMLMN $.

$( De Morgan: "not or" to "and not". $)
not-or-e $p |- ( -. ( p \/ q ) -> ( -. p /\ -. q ) ) $=
  ( wo wn or-l contrapose-i or-r pair-under ) ABCZDADBDAIABEFBIABGFH $.

$( De Morgan: "and not" to "not or". $)
not-or-i $p |- ( ( -. p /\ -. q ) -> -. ( p \/ q ) ) $=
  ( wn wo wi df-or-e swap-i contrapose chain import-i ) ACZBCZABDZCZKMBELNEMKBABFGMBHIJ $.

$( De Morgan: "not and" to "or not". $)
not-and-e $p |- ( -. ( p /\ q ) -> ( -. p \/ -. q ) ) $=
  ( wa wn wi wo df-and-i contrapose-i not-not-e chain precede-i df-or-i )
  ABCZDZADZDZBDZEZOQFNAQEZRNSDZDSTMABGHSIJPAQAIKJOQLJ $.

$( De Morgan: "or not" to "not and". $)
not-and-i $p |- ( ( -. p \/ -. q ) -> -. ( p /\ q ) ) $=
  ( wn wa and-l contrapose-i and-r or-cases ) ACBCABDZCIAABEFIBABGFH $.

$( An implication as a disjunction. $)
if-or $p |- ( ( p -> q ) -> ( -. p \/ q ) ) $=
  ( wi wn wo not-not-e precede-i df-or-i chain ) ABCADZDZBCJBEKABAFGJBHI $.

$( A disjunction as an implication. $)
or-if $p |- ( ( -. p \/ q ) -> ( p -> q ) ) $=
  ( wn wi explode ax-keep or-cases ) ACBABDABEBAFG $.

$( Of two formulas one implies the other. $)
linear $p |- ( ( p -> q ) \/ ( q -> p ) ) $=
  ( wi wn wo not-if-r explode chain df-or-i mp ) ABCZDZBACZCKMELBDMABFBAGHKMIJ $.


$(
------------------------------------------------------------------------------------------------
  Equivalence
------------------------------------------------------------------------------------------------
$)
$( What "if and only if" means, first half. $)
df-iff-e $a |- ( ( p <-> q ) -> ( ( p -> q ) /\ ( q -> p ) ) ) $.

$( What "if and only if" means, second half. $)
df-iff-i $a |- ( ( ( p -> q ) /\ ( q -> p ) ) -> ( p <-> q ) ) $.

$( From the left to the right. $)
iff-l $p |- ( ( p <-> q ) -> ( p -> q ) ) $=
  ( wb wi wa df-iff-e and-l chain ) ABCABDZBADZEIABFIJGH $.

$( From the right to the left. $)
iff-r $p |- ( ( p <-> q ) -> ( q -> p ) ) $=
  ( wb wi wa df-iff-e and-r chain ) ABCABDZBADZEJABFIJGH $.

${
  iff.1 $e |- ( p -> q ) $.
  iff.2 $e |- ( q -> p ) $.
  $( Two implications make an equivalence. $)
  iff $p |- ( p <-> q ) $=
    ( wi wa wb pair df-iff-i mp ) ABEZBAEZFABGKLCDHABIJ $.
$}

${
  iff-go.1 $e |- ( p <-> q ) $.
  $( An equivalence is an implication. $)
  iff-go $p |- ( p -> q ) $=
    ( wb wi iff-l mp ) ABDABECABFG $.
$}

${
  iff-back.1 $e |- ( p <-> q ) $.
  $( An equivalence is an implication the other way. $)
  iff-back $p |- ( q -> p ) $=
    ( wb wi iff-r mp ) ABDBAECABFG $.
$}

${
  iff-mp.1 $e |- p $.
  iff-mp.2 $e |- ( p <-> q ) $.
  $( Modus ponens with an equivalence. $)
  iff-mp $p |- q $=
    ( iff-go mp ) ABCABDEF $.
$}

$( Every formula is equivalent to itself. $)
iff-id $p |- ( p <-> p ) $=
  ( id iff ) AAABZDC $.

${
  iff-swap.1 $e |- ( p <-> q ) $.
  $( The sides change places. $)
  iff-swap $p |- ( q <-> p ) $=
    ( iff-back iff-go iff ) BAABCDABCEF $.
$}

${
  iff-chain.1 $e |- ( p <-> q ) $.
  iff-chain.2 $e |- ( q <-> r ) $.
  $( Two equivalences in a row. $)
  iff-chain $p |- ( p <-> r ) $=
    ( iff-go chain iff-back iff ) ACABCABDFBCEFGCBABCEHABDHGI $.
$}

$( The sides change places, as one formula. $)
iff-swap-law $p |- ( ( p <-> q ) -> ( q <-> p ) ) $=
  ( wb wi wa iff-r iff-l pair-under df-iff-i chain ) ABCZBADZABDZEBACKLMABFABGHBAIJ $.

$( A double negation. $)
iff-not-not $p |- ( p <-> -. -. p ) $=
  ( wn not-not-i not-not-e iff ) AABBACADE $.

$( Contraposition. $)
iff-contrapose $p |- ( ( p -> q ) <-> ( -. q -> -. p ) ) $=
  ( wi wn contrapose ax-flip iff ) ABCBDADCABEBAFG $.

$( "And" is commutative. $)
iff-and-swap $p |- ( ( p /\ q ) <-> ( q /\ p ) ) $=
  ( wa and-swap iff ) ABCBACABDBADE $.

$( "Or" is commutative. $)
iff-or-swap $p |- ( ( p \/ q ) <-> ( q \/ p ) ) $=
  ( wo or-swap iff ) ABCBACABDBADE $.

$( "And" is associative. $)
iff-and-shift $p |- ( ( ( p /\ q ) /\ r ) <-> ( p /\ ( q /\ r ) ) ) $=
  ( wa and-shift-r and-shift-l iff ) ABDCDABCDDABCEABCFG $.

$( "Or" is associative. $)
iff-or-shift $p |- ( ( ( p \/ q ) \/ r ) <-> ( p \/ ( q \/ r ) ) ) $=
  ( wo or-shift-r or-shift-l iff ) ABDCDABCDDABCEABCFG $.

$( "And" distributes over "or". $)
iff-and-or $p |- ( ( p /\ ( q \/ r ) ) <-> ( ( p /\ q ) \/ ( p /\ r ) ) ) $=
  ( wo wa and-over-or or-out-and iff ) ABCDEABEACEDABCFABCGH $.

$( "Or" distributes over "and". $)
iff-or-and $p |- ( ( p \/ ( q /\ r ) ) <-> ( ( p \/ q ) /\ ( p \/ r ) ) ) $=
  ( wa wo or-over-and and-out-or iff ) ABCDEABEACEDABCFABCGH $.

$( De Morgan for "or". $)
iff-not-or $p |- ( -. ( p \/ q ) <-> ( -. p /\ -. q ) ) $=
  ( wo wn wa not-or-e not-or-i iff ) ABCDADBDEABFABGH $.

$( De Morgan for "and". $)
iff-not-and $p |- ( -. ( p /\ q ) <-> ( -. p \/ -. q ) ) $=
  ( wa wn wo not-and-e not-and-i iff ) ABCDADBDEABFABGH $.

$( An implication is a disjunction. $)
iff-if-or $p |- ( ( p -> q ) <-> ( -. p \/ q ) ) $=
  ( wi wn wo if-or or-if iff ) ABCADBEABFABGH $.

$( Two assumptions are one. $)
iff-export $p |- ( ( ( p /\ q ) -> r ) <-> ( p -> ( q -> r ) ) ) $=
  ( wa wi export import iff ) ABDCEABCEEABCFABCGH $.

${
  not-cong.1 $e |- ( p <-> q ) $.
  $( Equivalents have equivalent negations. $)
  not-cong $p |- ( -. p <-> -. q ) $=
    ( wn iff-back contrapose-i iff-go iff ) ADBDBAABCEFABABCGFH $.
$}

${
  if-cong.1 $e |- ( p <-> q ) $.
  if-cong.2 $e |- ( r <-> s ) $.
  $( Equivalents may be replaced in an implication. $)
  if-cong $p |- ( ( p -> r ) <-> ( q -> s ) ) $=
    ( wi iff-back iff-go between iff ) ACGBDGBACDABEHCDFIJABDCABEICDFHJK $.
$}

${
  and-cong.1 $e |- ( p <-> q ) $.
  and-cong.2 $e |- ( r <-> s ) $.
  $( Equivalents may be replaced in a conjunction. $)
  and-cong $p |- ( ( p /\ r ) <-> ( q /\ s ) ) $=
    ( wa iff-go and-mono iff-back iff ) ACGBDGABCDABEHCDFHIBADCABEJCDFJIK $.
$}

${
  or-cong.1 $e |- ( p <-> q ) $.
  or-cong.2 $e |- ( r <-> s ) $.
  $( Equivalents may be replaced in a disjunction. $)
  or-cong $p |- ( ( p \/ r ) <-> ( q \/ s ) ) $=
    ( wo iff-go or-mono iff-back iff ) ACGBDGABCDABEHCDFHIBADCABEJCDFJIK $.
$}

$( Two formulas that hold are equivalent. $)
iff-cases $p |- ( ( p /\ q ) -> ( p <-> q ) ) $=
  ( wa wi wb and-r keep-under and-l pair-under df-iff-i chain )
  ABCZABDZBADZCABELMNLBAABFGLABABHGIABJK $.

