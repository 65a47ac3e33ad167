//! Tasks that wait, last in first out, and the threads that take them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A stack of tasks that is empty for good once nobody works on one that could add more.
pub(super) struct Pool<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    tasks: Vec<T>,
    working: usize,
    closed: bool,
}

impl<T> Pool<T> {
    /// With the first tasks, the first on top.
    pub(super) fn new(mut tasks: Vec<T>) -> Self {
        tasks.reverse();
        Self { state: Mutex::new(State { tasks, working: 0, closed: false }), changed: Condvar::new() }
    }

    /// Puts tasks on top, the first of them uppermost.
    pub(super) fn push(&self, tasks: &mut Vec<T>) {
        if tasks.is_empty() {
            return;
        }
        let count = tasks.len();
        self.lock().tasks.extend(tasks.drain(..).rev());
        if count == 1 { self.changed.notify_one() } else { self.changed.notify_all() }
    }

    /// The uppermost task; waits while there is none but may be. The caller is at work until it calls
    /// [`worked`](Self::worked).
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(task) = state.tasks.pop() {
                state.working += 1;
                return Some(task);
            }
            if state.working == 0 {
                self.changed.notify_all();
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The task taken last is done.
    pub(super) fn worked(&self) {
        let mut state = self.lock();
        state.working -= 1;
        if state.working == 0 && state.tasks.is_empty() {
            self.changed.notify_all();
        }
    }

    /// Drops all that waits; nothing is given out any more.
    pub(super) fn close(&self) {
        let dropped = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.tasks)
        };
        self.changed.notify_all();
        // Outside the lock: a task may tell somebody that it ends.
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
