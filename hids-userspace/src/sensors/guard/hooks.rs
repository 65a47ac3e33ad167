//! Assignment of programs to hooks, and the hook arguments that they use. The kernel's own
//! description of the hook must agree, else the program is not loaded: arguments moved between versions.

use crate::sensors::Degradation;
use crate::sensors::bpf::types::KernelTypes;

/// A program for a hook.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hook {
    /// The hook's name in `include/linux/lsm_hook_defs.h`.
    pub hook: &'static str,
    /// Programs for it, each with the arguments that it uses: place and type. The first that fits.
    variants: &'static [(&'static str, &'static [Argument])],
    /// Whether there is a guard without it.
    pub need: Need,
}

/// Place of an argument, from 0, and the struct that it points to.
type Argument = (usize, &'static str);

/// Whether a hook is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Without it the guard would have a hole.
    Required,
    /// Some kernels do not have it, because they do not have what it is for.
    Optional,
}

const DENTRY_1: &[Argument] = &[(1, "dentry")];

const fn required(hook: &'static str, variants: &'static [(&'static str, &'static [Argument])]) -> Hook {
    Hook { hook, variants, need: Need::Required }
}

const fn optional(hook: &'static str, variants: &'static [(&'static str, &'static [Argument])]) -> Hook {
    Hook { hook, variants, need: Need::Optional }
}

/// Every LSM hook of the guard.
pub(super) const HOOKS: &[Hook] = &[
    required("file_open", &[("guard_open", &[(0, "file")])]),
    required("file_permission", &[("guard_write", &[(0, "file")])]),
    required("file_ioctl", &[("guard_ioctl", &[(0, "file")])]),
    optional("file_ioctl_compat", &[("guard_ioctl_compat", &[(0, "file")])]),
    required("mmap_file", &[("guard_mmap", &[(0, "file")])]),
    required("file_mprotect", &[("guard_mprotect", &[(0, "vm_area_struct")])]),
    required("inode_create", &[("guard_create", DENTRY_1)]),
    required("inode_mkdir", &[("guard_mkdir", DENTRY_1)]),
    required("inode_mknod", &[("guard_mknod", DENTRY_1)]),
    required("inode_symlink", &[("guard_symlink", DENTRY_1)]),
    required("inode_link", &[("guard_link", &[(0, "dentry"), (2, "dentry")])]),
    required("inode_unlink", &[("guard_unlink", DENTRY_1)]),
    required("inode_rmdir", &[("guard_rmdir", DENTRY_1)]),
    required("inode_rename", &[("guard_rename", &[(1, "dentry"), (3, "dentry")])]),
    required(
        "inode_setattr",
        &[("guard_setattr_0", &[(0, "dentry"), (1, "iattr")]), ("guard_setattr_1", &[(1, "dentry"), (2, "iattr")])],
    ),
    required("inode_setxattr", &[("guard_setxattr_0", &[(0, "dentry")]), ("guard_setxattr_1", DENTRY_1)]),
    required("inode_removexattr", &[("guard_removexattr_0", &[(0, "dentry")]), ("guard_removexattr_1", DENTRY_1)]),
    optional("inode_set_acl", &[("guard_set_acl", DENTRY_1)]),
    optional("inode_remove_acl", &[("guard_remove_acl", DENTRY_1)]),
    optional("inode_file_setattr", &[("guard_file_setattr", &[(0, "dentry")])]),
    required("sb_mount", &[("guard_mount", &[(1, "path")])]),
    required("move_mount", &[("guard_move_mount", &[(0, "path"), (1, "path")])]),
    required("sb_umount", &[("guard_umount", &[(0, "vfsmount")])]),
];

/// Tracepoints and their programs.
pub(super) const TRACEPOINTS: &[(&str, &str)] =
    &[("sched_process_fork", "guard_fork"), ("sched_process_exec", "guard_exec"), ("sched_process_free", "guard_free")];

/// A program that fits this kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// The hook.
    pub hook: &'static str,
    /// The program for it.
    pub program: &'static str,
}

/// Chooses the program for each hook that this kernel has. Fails if a required hook is missing or has
/// arguments that are not known.
pub(super) fn choose(types: &KernelTypes) -> Result<Vec<Chosen>, Degradation> {
    let mut chosen = Vec::with_capacity(HOOKS.len());
    let mut unknown = Vec::new();
    for hook in HOOKS {
        let parameters = types.parameters(&format!("bpf_lsm_{}", hook.hook));
        let fits = |arguments: &&(&'static str, &'static [Argument])| {
            let parameters = parameters.as_deref().unwrap_or_default();
            arguments.1.iter().all(|(place, name)| parameters.get(*place).is_some_and(|is| is.type_name == *name))
        };
        match (hook.variants.iter().find(fits), hook.need) {
            (Some((program, _)), _) => chosen.push(Chosen { hook: hook.hook, program }),
            // Absent is fine for these; there but otherwise is not.
            (None, Need::Optional) if parameters.is_none() => {}
            (None, _) => unknown.push(format!("hook {}", hook.hook)),
        }
    }
    if unknown.is_empty() { Ok(chosen) } else { Err(Degradation::MissingFields(unknown)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_of_this_kernel_have_the_arguments_that_are_used() {
        let Ok(types) = KernelTypes::of_this_kernel() else { return };
        if types.parameters("bpf_lsm_file_open").is_none() {
            return;
        }
        let chosen = choose(&types).expect("every required hook");
        assert!(chosen.iter().any(|chosen| chosen.hook == "inode_rename"));
        let setattr = chosen.iter().filter(|chosen| chosen.hook == "inode_setattr").count();
        assert_eq!(setattr, 1, "one variant of two");
    }
}
