//! The hooks, the reasons for giving an event up, and the array slots that count both.
//!
//! Every event ends in exactly one slot: `SEEN` when its hook did its work, else `DROPPED` under
//! the reason. Slots are only ever appended; user space reports a slot it does not know as unknown.

/// Defines a fieldless enum with its number of values, all values in slot order, and a checked way
/// back from a slot.
macro_rules! slots {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every value, in slot order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
            /// How many values there are.
            pub const COUNT: u32 = Self::ALL.len() as u32;

            /// The place of this value among all of them, from 0.
            pub const fn slot(self) -> u32 {
                self as u32
            }

            /// The name shown to administrators and used as key in JSON.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }
    };
}

slots! {
    /// A place in the kernel that a BPF program of ours is attached to.
    Hook {
        /// A process replaced its program: tracepoint `sched:sched_process_exec`.
        Exec = "sched_process_exec",
        /// A process or thread ended: tracepoint `sched:sched_process_exit`.
        Exit = "sched_process_exit",
        /// A process was forked: tracepoint `sched:sched_process_fork`.
        Fork = "sched_process_fork",
        /// A control group was made: tracepoint `cgroup:cgroup_mkdir`.
        CgroupMkdir = "cgroup_mkdir",
    }
}

slots! {
    /// Why a hook gave an event up.
    DropReason {
        /// The map slot that the hook writes to was not there.
        MissingSlot = "missing_slot",
        /// The ring to user space was full.
        RingFull = "ring_full",
        /// The map of processes was full.
        MapFull = "map_full",
        /// A field of a kernel struct could not be read.
        Unreadable = "unreadable",
    }
}

/// Slots of the `DROPPED` map.
pub const DROP_SLOTS: u32 = Hook::COUNT * DropReason::COUNT;

/// The slot of the `DROPPED` map that counts events of `hook` given up because of `reason`.
pub const fn drop_slot(hook: Hook, reason: DropReason) -> u32 {
    hook.slot() * DropReason::COUNT + reason.slot()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_hook_and_reason_has_a_slot_of_its_own() {
        let mut taken = [false; DROP_SLOTS as usize];
        for hook in Hook::ALL {
            for reason in DropReason::ALL {
                let slot = drop_slot(*hook, *reason) as usize;
                assert!(!taken[slot], "{hook:?} and {reason:?} share slot {slot}");
                taken[slot] = true;
            }
        }
        assert!(taken.iter().all(|slot| *slot));
    }
}
