//! Lists the items that a module promises, from its source: names, signatures, public fields, variants and traits,
//! without bodies and comments. What is `#[doc(hidden)]` is not promised.
//!
//! rustdoc can list them too, but in a form that changes with the compiler and that the stable one does not write.

use std::collections::BTreeSet;
use std::path::Path;

use syn::{Attribute, Field, Fields, FnArg, ImplItem, Item, UseTree, Visibility};

/// The items that `room` (a file below `src/`) declares or exports, wherever below `src/` they are defined.
pub(crate) fn of(room: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut promised = BTreeSet::new();
    for item in parse(&root.join(room)) {
        match item {
            Item::Use(found) if is_promised(&found.vis, &found.attrs) => {
                leaves(&found.tree, &mut promised);
            }
            Item::Mod(found) if is_promised(&found.vis, &found.attrs) => {
                promised.insert(format!("mod {}", found.ident));
            }
            item => promised.extend(declared(&item)),
        }
    }
    let mut defined = Vec::new();
    for folder in ["verify", "providers"] {
        collect(&root.join(folder), &mut defined);
    }
    defined.extend(parse(&root.join("reason.rs")));

    let mut listed = String::new();
    for name in promised {
        let mut found: Vec<String> = defined
            .iter()
            .filter_map(|item| shown(item, &name))
            .collect();
        found.sort();
        // What other crates define is promised by its name.
        listed += &format!("// {name}\n{}\n", found.concat());
    }
    listed
}

fn collect(folder: &Path, items: &mut Vec<Item>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, items);
        } else {
            items.extend(parse(&path));
        }
    }
}

fn parse(path: &Path) -> Vec<Item> {
    let text = std::fs::read_to_string(path).unwrap();
    syn::parse_file(&text).unwrap().items
}

/// The names that a `use` brings in, as they are called here.
fn leaves(tree: &UseTree, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, names),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        UseTree::Name(name) => {
            names.insert(name.ident.to_string());
        }
        UseTree::Rename(_) | UseTree::Glob(_) => panic!("export items by their names"),
    }
}

/// The name of an item that the module itself declares and promises.
fn declared(item: &Item) -> Option<String> {
    let (vis, attrs, name) = match item {
        Item::Struct(item) => (&item.vis, &item.attrs, &item.ident),
        Item::Enum(item) => (&item.vis, &item.attrs, &item.ident),
        Item::Fn(item) => (&item.vis, &item.attrs, &item.sig.ident),
        Item::Static(item) => (&item.vis, &item.attrs, &item.ident),
        Item::Const(item) => (&item.vis, &item.attrs, &item.ident),
        Item::Trait(item) => (&item.vis, &item.attrs, &item.ident),
        Item::Type(item) => (&item.vis, &item.attrs, &item.ident),
        _ => return None,
    };
    is_promised(vis, attrs).then(|| name.to_string())
}

/// The item without what is not promised, if it is or belongs to `name`.
fn shown(item: &Item, name: &str) -> Option<String> {
    let mut item = item.clone();
    match &mut item {
        Item::Struct(found) if found.ident == name => {
            bare(&mut found.attrs);
            promised_fields(&mut found.fields);
        }
        Item::Enum(found) if found.ident == name => {
            bare(&mut found.attrs);
            for variant in &mut found.variants {
                bare(&mut variant.attrs);
                every_field(&mut variant.fields);
            }
        }
        Item::Static(found) if found.ident == name => {
            bare(&mut found.attrs);
            found.expr = syn::parse_str("_").unwrap();
        }
        Item::Const(found) if found.ident == name => bare(&mut found.attrs),
        Item::Fn(found) if found.sig.ident == name => {
            bare(&mut found.attrs);
            found.block.stmts.clear();
        }
        Item::Impl(found) if is_of(&found.self_ty, name) => {
            bare(&mut found.attrs);
            let is_trait = found.trait_.is_some();
            found.items.retain_mut(|item| match item {
                ImplItem::Fn(method) => {
                    let is_listed = !is_trait && is_promised(&method.vis, &method.attrs);
                    bare(&mut method.attrs);
                    // `mut self` is the method's own affair.
                    if let Some(FnArg::Receiver(receiver)) = method.sig.inputs.first_mut() {
                        receiver.mutability = None;
                    }
                    method.block.stmts.clear();
                    is_listed
                }
                ImplItem::Const(constant) => {
                    let is_listed = !is_trait && is_promised(&constant.vis, &constant.attrs);
                    bare(&mut constant.attrs);
                    is_listed
                }
                _ => false,
            });
            if !is_trait && found.items.is_empty() {
                return None;
            }
        }
        _ => return None,
    }
    Some(prettyplease::unparse(&syn::File {
        shebang: None,
        frontmatter: None,
        attrs: Vec::new(),
        items: vec![item],
    }))
}

fn is_of(found: &syn::Type, name: &str) -> bool {
    match found {
        syn::Type::Path(path) => path.path.segments.last().unwrap().ident == name,
        _ => false,
    }
}

fn promised_fields(fields: &mut Fields) {
    let (Fields::Named(syn::FieldsNamed { named: list, .. })
    | Fields::Unnamed(syn::FieldsUnnamed { unnamed: list, .. })) = fields
    else {
        return;
    };
    let all = std::mem::take(list).into_iter();
    list.extend(all.filter(|field| is_promised(&field.vis, &field.attrs)));
    every_field(fields);
}

fn every_field(fields: &mut Fields) {
    let strip = |field: &mut Field| bare(&mut field.attrs);
    fields.iter_mut().for_each(strip);
}

/// Leaves what an app can notice of attributes.
fn bare(attrs: &mut Vec<Attribute>) {
    attrs.retain(|attribute| {
        let path = attribute.path();
        ["derive", "non_exhaustive", "must_use"]
            .iter()
            .any(|kept| path.is_ident(kept))
    });
}

fn is_promised(vis: &Visibility, attrs: &[Attribute]) -> bool {
    let is_hidden = attrs.iter().any(|attribute| {
        attribute.path().is_ident("doc")
            && attribute
                .meta
                .require_list()
                .is_ok_and(|list| list.tokens.to_string() == "hidden")
    });
    let is_tested = attrs
        .iter()
        .any(|attribute| attribute.path().is_ident("cfg"));
    matches!(vis, Visibility::Public(_)) && !is_hidden && !is_tested
}
