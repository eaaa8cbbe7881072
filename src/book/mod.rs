//! Chapters for people who use carrylane. Chapters on how it works stand beside the code.
//!
//! | chapter | tells |
//! |---|---|
//! | [`commands`] | what each command does, how a program reads its answers, exit codes |
//! | [`runs`] | what a run folder holds, and how a training that was stopped goes on |
//! | [`sweeps`] | thousands of trainings as one: specs, results, clusters |
//! | [`elsewhere`] | nets in PyTorch, numpy and ONNX Runtime |
//! | [`notebooks`] | the five programs this task comes from, and answers to the questions they ask |
//! | [`figures`] | every figure, with the command, the machine and the commit it comes from |
//! | [`tests`] | how it is tested, and how to measure a change |
//! | [`crate::task`], [`mod@crate::reference`] | the task and the equations |
//! | [`crate::kernel`] | the tree of a minibatch, and the kernel |
//! | [`crate::verify`] | why gradients can be trusted |
//! | [`mod@crate::prove`] | the proof, with its theorems |

/// Every command.
pub mod commands {
    #![doc = include_str!("commands.md")]
}
/// Runs that are kept.
pub mod runs {
    #![doc = include_str!("runs.md")]
}
/// Sweeps.
pub mod sweeps {
    #![doc = include_str!("sweeps.md")]
}
/// Other programs.
pub mod elsewhere {
    #![doc = include_str!("elsewhere.md")]
}
/// The five notebooks.
pub mod notebooks {
    #![doc = include_str!("notebooks.md")]
}
/// Figures.
pub mod figures {
    #![doc = include_str!("figures.md")]
}
/// Tests.
pub mod tests {
    #![doc = include_str!("tests.md")]
}
