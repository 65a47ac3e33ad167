//! One thread of a scan.

use super::pace::Pacer;
use super::worker::{Scan, Task, Worker};
use super::{directory, item};

/// Works until nothing is left.
pub(super) fn run(scan: &Scan) {
    let pacer = Pacer::new(&scan.control, scan.rate.as_ref(), &scan.options);
    let mut worker = Worker::new(scan, &pacer);
    while let Some(task) = scan.pool.take() {
        work(&mut worker, task);
        if scan.control.is_stopped() {
            scan.pool.close();
        }
        scan.pool.worked();
    }
}

fn work(worker: &mut Worker<'_>, task: Task) {
    // Held until its differences are on their way: with the task goes the mark that it is done.
    let _mark = match &task {
        Task::Unit(_) => None,
        Task::Directory(task) => task.mark.clone(),
        Task::Names { directory, .. } => directory.task.mark.clone(),
    };
    match task {
        Task::Unit(path) => directory::unit(worker, path),
        Task::Directory(task) => directory::list(worker, task),
        Task::Names { directory, from } => item::names(worker, directory, from),
    }
    worker.send();
    let mut tasks = std::mem::take(&mut worker.tasks);
    worker.scan.pool.push(&mut tasks);
    worker.tasks = tasks;
    worker.pacer.rest();
}
