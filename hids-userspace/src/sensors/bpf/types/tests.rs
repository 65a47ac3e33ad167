use super::*;
use proptest::prelude::*;

/// Writes BTF.
#[derive(Default)]
struct Writer {
    types: Vec<u32>,
    count: u32,
    strings: Vec<u8>,
}

impl Writer {
    fn new() -> Self {
        Self { strings: vec![0], ..Self::default() }
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let offset = self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        offset
    }

    fn put(&mut self, name: &str, kind: u32, count: usize, size_or_type: u32) -> u32 {
        let name = self.string(name);
        self.types.extend([name, kind << 24 | count as u32, size_or_type]);
        self.count += 1;
        self.count
    }

    fn int(&mut self) -> u32 {
        let id = self.put("int", 1, 0, 4);
        self.types.push(32);
        id
    }

    /// Members as name, type and offset in bits.
    fn structure(&mut self, name: &str, kind: u32, members: &[(&str, u32, u32)]) -> u32 {
        let id = self.put(name, kind, members.len(), 64);
        for (name, of_type, bits) in members {
            let name = self.string(name);
            self.types.extend([name, *of_type, *bits]);
        }
        id
    }

    fn bytes(&self) -> Vec<u8> {
        let types: Vec<u8> = self.types.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        let (types_length, strings_length) = (types.len() as u32, self.strings.len() as u32);
        for word in [24, 0, types_length, types_length, strings_length] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(types);
        bytes.extend(&self.strings);
        bytes
    }

    fn read(&self) -> KernelTypes {
        KernelTypes::parse(self.bytes()).expect("well formed")
    }
}

const WITH_WIDTHS: u32 = 1 << 7;

#[test]
fn member_of_a_nested_struct_is_found_by_its_path() {
    let mut writer = Writer::new();
    let int = writer.int();
    let path = writer.structure("path", STRUCT, &[("mnt", int, 0), ("dentry", int, 64)]);
    let constant = writer.put("", CONST, 0, path);
    let alias = writer.put("path_t", TYPEDEF, 0, constant);
    writer.structure("file", STRUCT, &[("first", int, 0), ("f_path", alias, 128)]);
    let types = writer.read();
    assert_eq!(types.offset("file.first"), Some(0));
    assert_eq!(types.offset("file.f_path.dentry"), Some(24));
    assert_eq!(types.offset("file.f_path.gone"), None);
    assert_eq!(types.offset("file.dentry"), None, "only anonymous structs lend their members");
    assert_eq!(types.offset("file"), None);
    assert_eq!(types.size("file"), Some(64));
}

#[test]
fn members_of_anonymous_unions_count_as_the_outer_ones_but_those_hidden_for_the_abi_do_not() {
    // As Red Hat's kernels replace a member: union { new; struct { old; } hidden; union { }; }.
    let mut writer = Writer::new();
    let int = writer.int();
    let hidden = writer.structure("", STRUCT, &[("old", int, 0)]);
    let nothing = writer.structure("", UNION, &[]);
    let replaced = writer.structure("", UNION, &[("new", int, 32), ("__hide_1", hidden, 0), ("", nothing, 0)]);
    writer.structure("task_struct", STRUCT, &[("pid", int, 0), ("", replaced, 64), ("last", int, 192)]);
    let types = writer.read();
    assert_eq!(types.offset("task_struct.new"), Some(12));
    assert_eq!(types.offset("task_struct.old"), None);
    assert_eq!(types.offset("task_struct.__hide_1.old"), Some(8));
    assert_eq!(types.offset("task_struct.last"), Some(24));
}

#[test]
fn second_struct_of_a_name_is_asked_when_the_first_lacks_the_member() {
    let mut writer = Writer::new();
    let int = writer.int();
    writer.structure("mount", STRUCT, &[("other", int, 0)]);
    writer.structure("mount", STRUCT, &[("mnt", int, 256)]);
    assert_eq!(writer.read().offset("mount.mnt"), Some(32));
}

#[test]
fn bit_field_and_member_behind_a_pointer_have_no_offset() {
    let mut writer = Writer::new();
    let int = writer.int();
    let inner = writer.structure("inner", STRUCT, &[("member", int, 0)]);
    let pointer = writer.put("", POINTER, 0, inner);
    let members = [("bits", int, 3 << 24 | 8), ("plain", int, 32), ("pointer", pointer, 64)];
    writer.structure("outer", STRUCT | WITH_WIDTHS, &members);
    let types = writer.read();
    assert_eq!(types.offset("outer.bits"), None);
    assert_eq!(types.offset("outer.plain"), Some(4));
    assert_eq!(types.offset("outer.pointer"), Some(8));
    assert_eq!(types.offset("outer.pointer.member"), None);
}

#[test]
fn parameters_of_a_function_come_in_order_with_the_names_of_what_they_point_to() {
    let mut writer = Writer::new();
    let int = writer.int();
    let inode = writer.structure("inode", STRUCT, &[("i_ino", int, 0)]);
    let constant = writer.put("", CONST, 0, inode);
    let pointer = writer.put("", POINTER, 0, constant);
    let prototype = writer.put("", PROTOTYPE, 2, int);
    let names = [writer.string("inode"), writer.string("mask")];
    writer.types.extend([names[0], pointer, names[1], int]);
    writer.put("security_inode_permission", FUNCTION, 1, prototype);
    let parameters = writer.read().parameters("security_inode_permission").expect("a function");
    let told: Vec<_> = parameters.iter().map(|p| (p.name.as_str(), p.type_name.as_str())).collect();
    assert_eq!(told, [("inode", "inode"), ("mask", "int")]);
}

#[test]
fn struct_that_contains_itself_ends() {
    let mut writer = Writer::new();
    let id = writer.count + 1;
    writer.structure("", STRUCT, &[("", id, 0)]);
    writer.structure("loop", STRUCT, &[("", id, 0), ("other", id, 0)]);
    assert_eq!(writer.read().offset("loop.x"), None);
}

#[test]
fn this_kernels_types_tell_offsets() {
    let Ok(types) = KernelTypes::of_this_kernel() else { return };
    let pid = types.offset("task_struct.pid").expect("every kernel has it");
    assert_eq!(types.offset("task_struct.tgid"), Some(pid + 4));
    assert!(types.offset("task_struct.cred").is_some_and(|offset| offset > 0));
    assert_eq!(types.offset("list_head.prev"), Some(size_of::<usize>() as u32));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read_without_a_panic(flips in prop::collection::vec((0..400_usize, any::<u8>()), 0..12)) {
        let mut writer = Writer::new();
        let int = writer.int();
        let inner = writer.structure("", UNION, &[("b", int, 32)]);
        writer.structure("a", STRUCT, &[("", inner, 64), ("c", int, 0)]);
        let prototype = writer.put("", PROTOTYPE, 1, int);
        writer.types.extend([1, inner]);
        writer.put("f", FUNCTION, 1, prototype);
        let mut bytes = writer.bytes();
        for (at, value) in flips {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        if let Ok(types) = KernelTypes::parse(bytes) {
            let _ = (types.offset("a.b"), types.offset("a.c.d"), types.parameters("f"));
        }
    }

    #[test]
    fn random_bytes_are_refused_or_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = KernelTypes::parse(bytes.clone());
        if let Some(magic) = bytes.first_chunk_mut::<2>() {
            *magic = MAGIC.to_ne_bytes();
        }
        let _ = KernelTypes::parse(bytes).map(|types| types.offset("a.b"));
    }
}

#[test]
fn types_of_a_module_go_on_where_those_of_the_kernel_end() {
    let mut kernel = Writer::new();
    let int = kernel.int();
    let inode = kernel.structure("inode", STRUCT, &[("number", int, 64)]);
    let mut types = kernel.read();
    // Numbers and names of the kernel may be meant.
    let (names, count) = (kernel.strings.len() as u32, kernel.count);
    let mut module = Writer::default();
    let own = module.string("btrfs_inode") + names;
    let member = module.string("vfs_inode") + names;
    let path = own;
    module.types.extend([path, STRUCT << 24 | 1, 64, member, inode, 256]);
    module.types.extend([0, TYPEDEF << 24, count + 1]);
    types.add(&module.bytes()).expect("well formed");
    assert_eq!(types.offset("btrfs_inode.vfs_inode"), Some(32));
    assert_eq!(types.offset("btrfs_inode.vfs_inode.number"), Some(40));
    assert_eq!(types.offset("inode.number"), Some(8));
    assert_eq!(types.resolved(count + 2), Some(count + 1));
    assert!(types.add(b"rubbish").is_err());
}
