//! Programs that must not compile: what the bounds of spawning and scopes promise.

#[test]
fn unsound_programs_are_refused() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
