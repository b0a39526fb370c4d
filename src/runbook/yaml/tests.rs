use super::*;
#[test]
fn shipped() {
    let text = std::fs::read_to_string("runbooks/aws-iam-access-key.yaml").unwrap();
    match parse("x", &text) {
        Ok(r) => println!("{r:#?}"),
        Err(f) => panic!("{}", crate::diagnostic::render(&Source::new("x", text), &f, false)),
    }
}
