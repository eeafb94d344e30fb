//! Values by their type: what formats keep from line to line, without the driver knowing what.

use std::any::Any;

/// One value of each of a few types.
#[derive(Default)]
pub struct Slots(Vec<Box<dyn Any + Send>>);

impl Slots {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The value of a type; a new one if there is none.
    pub(super) fn get<T: Any + Default + Send>(&mut self) -> &mut T {
        let value = self.take::<T>();
        self.put(value);
        self.0.last_mut().and_then(|value| value.downcast_mut()).expect("it was put there")
    }

    /// Takes the value of a type out, to be [put](Self::put) back; a new one if there is none.
    #[inline(always)]
    pub(super) fn take<T: Any + Default + Send>(&mut self) -> Box<T> {
        let at = self.0.iter().position(|value| (**value).is::<T>());
        at.and_then(|at| self.0.swap_remove(at).downcast().ok()).unwrap_or_default()
    }

    /// Keeps a value.
    #[inline(always)]
    pub(super) fn put<T: Any + Send>(&mut self, value: Box<T>) {
        self.0.push(value);
    }
}
