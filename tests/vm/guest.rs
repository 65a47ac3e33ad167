//! The guest itself has what the other tests rely on.

use std::fs;

use hids_tests::require;

#[test]
fn guest_has_type_information_and_the_bpf_security_module() {
    if !require::is_required("guest") {
        return require::skip("guest", "only in a guest: cargo xtask test vm");
    }
    assert!(fs::metadata("/sys/kernel/btf/vmlinux").is_ok_and(|btf| btf.len() > 0));
    let modules = fs::read_to_string("/sys/kernel/security/lsm").expect("securityfs is mounted");
    assert!(modules.trim().split(',').any(|module| module == "bpf"), "{modules}");
    let filesystems = fs::read_to_string("/proc/filesystems").expect("proc is mounted");
    assert!(filesystems.contains("overlay"), "{filesystems}");
}
