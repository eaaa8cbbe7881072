//! How commands print the findings of a proof.

use super::format::{at_least, count, plural};
use super::output::{BAD, GOOD, Output, STRONG, styled};
use carrylane::model::Config;
use carrylane::prove::{Automaton, Failure, Findings, FloatProof, Open, Verdict, Walk, WalkSummary};
use carrylane::task::number::shorten;

/// The states that this machine has memory for; an error if it lacks memory for the net itself.
pub(super) fn afforded(max_states: usize, config: &Config, out: &Output) -> carrylane::Result<usize> {
    let afforded = Walk::afforded(config, max_states)?;
    if afforded < max_states {
        let states = plural(afforded as u64, "state");
        out.warn(&format!("memory holds some {states} of this net, which --max-states is lowered to"));
    }
    Ok(afforded)
}

/// Prints what is known of a net, in a few lines and as a JSON line.
pub(super) fn tell(found: &Findings, out: &mut Output) -> carrylane::Result<()> {
    let floats = match &found.float_proof {
        Ok(FloatProof { memory, checked, .. }) => {
            let within = format!("any evaluation within ε = {}", at_least(checked.epsilon));
            let proved = styled(GOOD, format!("proved (floats, {within}): adds correctly at every bit width"));
            let (boxes, margin) = (checked.boxes, checked.margin);
            format!("{proved} ({boxes} boxes, k = {memory}, least margin {margin:.3})")
        }
        Err(open) => {
            let why = match open {
                Open::Answer => "the answer may be wrong in the boxes that were tried",
                Open::Unbounded => "what it carries may grow without bound",
                Open::Work => "the search for boxes was given up",
            };
            format!("{}: {why}", styled(BAD, "not proved (floats)"))
        }
    };
    out.say(floats)?;
    if let Some(Failure { a, b, bits, sum, float_answer, .. }) = &found.floats.shortest_known_failure {
        let [a, b, sum, answer] = [a, b, sum, float_answer].map(|n| shorten(n));
        let refuted = styled(BAD, format!("refuted (floats): {a} + {b} = {sum}"));
        out.say(format!("{refuted}, and the float net answers {answer}"))?;
        let bits = plural(*bits as u64, "bit");
        out.say(format!("of {bits}, the shortest failing addition known of the floats; shorter ones may fail"))?;
    }
    let &WalkSummary { verdict, q, states, depth, .. } = &found.walk;
    let states = plural(states as u64, "state");
    match (verdict, &found.counterexample) {
        (Verdict::Proved, _) => {
            let proved = styled(GOOD, format!("proved (integer network, q = {q}): adds correctly at every bit width"));
            let margin = found.margin.map_or(String::new(), |margin| format!(", least margin {margin:.3}"));
            out.say(format!("{proved} ({states}, depth {depth}{margin})"))?;
        }
        (_, Some(Failure { a, b, bits, sum, integer_answer, float_answer })) => {
            let [a, b, sum, float] = [a, b, sum, float_answer].map(|n| shorten(n));
            let integer = integer_answer.as_ref().map_or(String::new(), |n| shorten(n));
            let refuted = styled(BAD, format!("refuted: {a} + {b} = {sum}"));
            out.say(format!("{refuted}, and the integer network (q = {q}) answers {integer}, the float net {float}"))?;
            out.say(format!("no addition of fewer than {} goes wrong", plural(*bits as u64, "bit")))?;
        }
        (_, None) => {
            let undecided = styled(BAD, "undecided");
            let tip = "try more --max-states or another --q";
            out.say(format!("{undecided}: {states} at q = {q} and more to go; {tip}"))?;
        }
    }
    out.record("proof", found)
}

/// The table of a machine.
pub(super) fn automaton_table(machine: &Automaton, out: &mut Output) -> carrylane::Result<()> {
    /// The most states that are shown as a table.
    const SHOWN: usize = 16;
    if machine.states() > SHOWN {
        return out.say(format!("carry automaton: {} states, too many for a table", count(machine.states() as u64)));
    }
    let title = if machine.is_full_adder() { "the full adder; its state is the carry" } else { "not the full adder" };
    out.say(styled(STRONG, format!("carry automaton, {} states: {title}", machine.states())))?;
    out.note("  state  a  b   sum  next")?;
    for (state, steps) in machine.steps.iter().enumerate() {
        for (x, (answer, next)) in steps.iter().enumerate() {
            out.say(format!("  {state:>5}  {}  {}   {:>3}  {next:>4}", x & 1, x >> 1, u8::from(*answer)))?;
        }
    }
    Ok(())
}
