//! File integrity, end to end: the real daemon, real changes of files, the alerts and answers that come of it.
//!
//! Every test changes files and expects what an administrator would see: lines of `alerts.json`, answers of
//! `hidsctl fim`. All of it needs root (fanotify).

mod changes;
mod check;
mod control;
mod differences;
mod downtime;
mod fallback;
mod filesystems;
mod fixture;
mod gaps;
mod hostile;
mod late;
mod losses;
mod mounts;
mod own_files;
mod packages;
mod resume;
mod rules_of_paths;
mod saves;
mod speed;
mod storage;
mod torture;
mod unreadable;
mod wildcards;
mod windows;
