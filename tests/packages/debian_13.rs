//! The life of the package on the newest Debian; that on Debian 12 is in the suite `install`.

use hids_tests::machine::Release;

use crate::life;

#[test]
fn debian_13_from_the_installation_to_the_purge() {
    life::from_installation_to_purge(Release::Debian13);
}
