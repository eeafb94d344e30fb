//! Places for the buckets of an analysis grid: few buckets, at the finest step that keeps them few.
//!
//! The step is the finest of [`STEPS_S`] at which at most [`BUCKETS_MAX`] buckets hold something.
//! Each step divides the next, so that, as in the series, the step depends on the set of seconds
//! alone, in whatever order or pieces they come.

/// The ladder of steps, in seconds. The coarsest, 480 days, holds all years that timestamps can
/// have in fewer buckets than there may be.
pub const STEPS_S: [i64; 14] =
    [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 86_400, 2_592_000, 41_472_000];

/// Most buckets that hold something.
pub const BUCKETS_MAX: usize = 512;

/// Places in the hash table: at most a quarter of them is taken.
const CELLS: usize = 2_048;

/// The index of a bucket and its place.
const FREE: (i64, u16) = (0, u16::MAX);

/// Buckets by their index, each with a place below [`BUCKETS_MAX`], in the order in which they
/// came.
pub struct TimeSlots {
    step: usize,
    /// The step to begin with.
    first_step: usize,
    /// Index of the bucket of each place.
    indices: Vec<i64>,
    /// Open addressing by index.
    cells: Box<[(i64, u16); CELLS]>,
    last: (i64, u16),
}

impl Default for TimeSlots {
    fn default() -> Self {
        TimeSlots {
            step: 0,
            first_step: 0,
            indices: Vec::with_capacity(BUCKETS_MAX),
            cells: vec![FREE; CELLS].into_boxed_slice().try_into().expect("so many"),
            last: FREE,
        }
    }
}

impl TimeSlots {
    /// Index into [`STEPS_S`].
    pub fn step(&self) -> usize {
        self.step
    }

    /// The index of the bucket of each place.
    pub fn indices(&self) -> &[i64] {
        &self.indices
    }

    /// The place of a second's bucket. If there are too many buckets, the step grows first, and
    /// `coarsen` is called with the new place of each old one, which is never greater, and the
    /// factor by which the step grew.
    #[inline(always)]
    pub fn place(&mut self, second: i64, coarsen: impl FnMut(&[u16], i64)) -> usize {
        let index = index_of(second, self.step);
        if self.last.0 == index && self.last.1 != FREE.1 {
            return usize::from(self.last.1);
        }
        self.look_up(second, coarsen)
    }

    #[inline(never)]
    fn look_up(&mut self, second: i64, mut coarsen: impl FnMut(&[u16], i64)) -> usize {
        loop {
            let index = index_of(second, self.step);
            let cell = self.cell(index);
            if self.cells[cell].1 == FREE.1 {
                if self.indices.len() == BUCKETS_MAX && self.step + 1 < STEPS_S.len() {
                    let (places, factor) = self.coarsened(index);
                    coarsen(&places, factor);
                    continue;
                }
                self.cells[cell] = (index, self.indices.len() as u16);
                self.indices.push(index);
            }
            self.last = self.cells[cell];
            return usize::from(self.last.1);
        }
    }

    /// The cell of an index: its own, or the free one where it belongs.
    #[inline(always)]
    fn cell(&self, index: i64) -> usize {
        let hash = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let mut at = hash as usize % CELLS;
        while self.cells[at].1 != FREE.1 && self.cells[at].0 != index {
            at = (at + 1) % CELLS;
        }
        at
    }

    /// Takes the finest step at which the buckets and one more are few enough.
    #[cold]
    fn coarsened(&mut self, more: i64) -> (Vec<u16>, i64) {
        let old = std::mem::take(&mut self.indices);
        let step_s = STEPS_S[self.step];
        let step = (self.step + 1..STEPS_S.len() - 1)
            .find(|&step| {
                let factor = STEPS_S[step] / step_s;
                let all = old.iter().chain([&more]).map(|index| index.div_euclid(factor));
                let mut indices: Vec<i64> = all.collect();
                indices.sort_unstable();
                indices.dedup();
                indices.len() <= BUCKETS_MAX
            })
            .unwrap_or(STEPS_S.len() - 1);
        let factor = STEPS_S[step] / step_s;
        self.clear();
        self.step = step;
        let mut place = |index: &i64| {
            let index = index.div_euclid(factor);
            let cell = self.cell(index);
            if self.cells[cell].1 == FREE.1 {
                self.cells[cell] = (index, self.indices.len() as u16);
                self.indices.push(index);
            }
            self.cells[cell].1
        };
        let places = old.iter().map(&mut place).collect();
        (places, factor)
    }

    /// Begins with a step that is at least so coarse, from the next bucket on that is the first.
    pub fn start_at(&mut self, step: usize) {
        self.first_step = self.first_step.max(step);
        if self.indices.is_empty() {
            self.step = self.first_step;
        }
    }

    /// As new, but keeps its memory and the step to begin with.
    pub fn clear(&mut self) {
        self.step = self.first_step;
        self.indices.clear();
        self.cells.fill(FREE);
        self.last = FREE;
    }
}

/// The bucket of a second at a step of the ladder.
#[inline(always)]
pub fn index_of(second: i64, step: usize) -> i64 {
    if step == 0 { second } else { second.div_euclid(STEPS_S[step]) }
}

/// The finest step, from `step` on, at which sorted indices of buckets are few enough, with the
/// factor to it.
pub fn step_that_fits(indices: impl Iterator<Item = i64> + Clone, step: usize) -> (usize, i64) {
    for (coarse, seconds) in STEPS_S.iter().enumerate().skip(step) {
        let factor = seconds / STEPS_S[step];
        let mut last = None;
        let mut count = 0;
        for index in indices.clone() {
            let index = index.div_euclid(factor);
            count += usize::from(last != Some(index));
            last = Some(index);
        }
        if count <= BUCKETS_MAX || coarse + 1 == STEPS_S.len() {
            return (coarse, factor);
        }
    }
    (step, 1)
}

/// Whether a bucket of this index is within the years that timestamps can have.
pub fn is_possible(index: i64, step: usize) -> bool {
    let step_s = STEPS_S[step];
    index.checked_mul(step_s).is_some_and(|s| s.abs() <= i64::MAX / 1_000_000_000 + step_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_step_divides_the_next_and_the_last_holds_all_years() {
        assert!(STEPS_S.windows(2).all(|pair| pair[1] % pair[0] == 0 && pair[1] > pair[0]));
        let years_s = (i64::MAX / 1_000_000_000) as u64 * 2;
        assert!(years_s / (STEPS_S[STEPS_S.len() - 1] as u64) + 2 <= BUCKETS_MAX as u64);
    }

    proptest! {
        #[test]
        fn the_step_is_the_finest_that_fits(
            seconds in prop::collection::vec(-2_000_000_000i64..2_000_000_000, 1..1_500),
            shift in 0u32..24,
        ) {
            let seconds: Vec<i64> = seconds.iter().map(|s| s >> shift).collect();
            let mut slots = TimeSlots::default();
            // What is counted at each place moves with it.
            let mut counts = vec![0u64; BUCKETS_MAX];
            for &second in &seconds {
                let place = slots.place(second, |places, _| {
                    for (old, &new) in places.iter().enumerate() {
                        assert!(usize::from(new) <= old);
                        let count = std::mem::take(&mut counts[old]);
                        counts[usize::from(new)] += count;
                    }
                });
                counts[place] += 1;
            }
            let at = |step: usize| {
                let mut all = std::collections::BTreeMap::new();
                seconds.iter().for_each(|&s| *all.entry(index_of(s, step)).or_insert(0u64) += 1);
                all
            };
            let step = (0..STEPS_S.len()).find(|&step| at(step).len() <= BUCKETS_MAX).unwrap();
            prop_assert_eq!(slots.step(), step);
            let found: std::collections::BTreeMap<_, _> =
                slots.indices().iter().copied().zip(counts).collect();
            prop_assert_eq!(found, at(step));
            let sorted: Vec<i64> = at(0).keys().copied().collect();
            prop_assert_eq!(step_that_fits(sorted.iter().copied(), 0), (step, STEPS_S[step]));
        }
    }
}
