//! Panics as values: a bug in the engine costs the work at hand, not the process.
//!
//! A panic in code that runs inside of [`caught`] is not printed; what it says and where it was is
//! the error. All other panics go to the hook that was there before. With `RUST_BACKTRACE` set both
//! happen, for debugging.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// Most characters of what a panic says: it goes into a report, and may hold pieces of a log.
const TEXT_CHARS_MAX: usize = 160;

thread_local! {
    /// Whether this thread is inside of [`caught`].
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// Where the last panic was that such a thread had.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `work`; what a panic in it says and where it was, in one line.
///
/// What `work` left half done must not be used again.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !IS_CAUGHT.get() || std::env::var_os("RUST_BACKTRACE").is_some() {
                before(info);
            }
            if IS_CAUGHT.get() {
                PLACE.set(place(info));
            }
        }));
    });
    let outer = IS_CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(outer);
    done.map_err(|payload| match PLACE.take() {
        place if place.is_empty() => text_of(payload.as_ref()),
        place => format!("{} ({place})", text_of(payload.as_ref())),
    })
}

/// File and line; how the path to the file is spelled depends on the build.
fn place(info: &PanicHookInfo<'_>) -> String {
    let Some(location) = info.location() else { return String::new() };
    let file = location.file().rsplit(['/', '\\']).next().unwrap_or_default();
    format!("{file}:{}", location.line())
}

/// What a panic says, on one line and not too long.
fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it does not say why");
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let short: String = text.chars().take(TEXT_CHARS_MAX).map(printable).collect();
    if short.len() < text.len() { short + "…" } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_says_what_and_where() {
        assert_eq!(caught(|| 5), Ok(5));
        let none: &[u8] = &[];
        let why = caught(|| none[3]).unwrap_err();
        assert!(why.starts_with("index out of bounds: "), "{why}");
        assert!(why.contains(" (panics.rs:"), "{why}");
        let why = caught(|| panic!("a\nb {}", "x".repeat(1_000))).unwrap_err();
        assert!(why.starts_with("a b x") && why.contains("x… ("), "{why}");
        assert!(why.chars().count() < TEXT_CHARS_MAX + 40, "{why}");
        assert!(!IS_CAUGHT.get());
    }

    #[test]
    fn one_inside_of_another() {
        let outer = caught(|| {
            assert!(caught(|| panic!("inner")).unwrap_err().starts_with("inner"));
            assert!(IS_CAUGHT.get());
            panic!("outer")
        });
        assert!(outer.unwrap_err().starts_with("outer ("));
    }
}
