//! The calendar: days of years and months, and the names that they go by.

use crate::bytes::line::Line;

pub(super) const SECONDS_PER_DAY: i64 = 86_400;
const YEAR_MIN: u32 = 1678;
const YEAR_MAX: u32 = 2261;

/// Three letters, as [`Line::u32_at`] has them.
const fn three(name: &[u8; 3]) -> u32 {
    u32::from_le_bytes([name[0], name[1], name[2], 0])
}

pub(super) const DAYS: [u32; 7] = [
    three(b"Mon"),
    three(b"Tue"),
    three(b"Wed"),
    three(b"Thu"),
    three(b"Fri"),
    three(b"Sat"),
    three(b"Sun"),
];
const MONTHS: [u32; 12] = [
    three(b"Jan"),
    three(b"Feb"),
    three(b"Mar"),
    three(b"Apr"),
    three(b"May"),
    three(b"Jun"),
    three(b"Jul"),
    three(b"Aug"),
    three(b"Sep"),
    three(b"Oct"),
    three(b"Nov"),
    three(b"Dec"),
];

/// Seconds since 1970 at the midnight that begins a day of the proleptic Gregorian calendar.
#[inline]
pub(super) fn midnight(year: u32, month: u32, day: u32) -> Option<i64> {
    if !(YEAR_MIN..=YEAR_MAX).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    // A year of a century that 16 divides is one that 400 does; there is nothing to predict here.
    let leap = year & if year.is_multiple_of(100) { 15 } else { 3 } == 0;
    let length = LENGTHS[month as usize - 1] + u32::from(leap && month == 2);
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years from March on, so that the leap day ends them: days to the month are then linear.
    let y = year - u32::from(month < 3);
    let m = (month + 9) % 12;
    let day_of_year = (153 * m + 2) / 5 + day - 1;
    let days = 365 * y + y / 4 - y / 100 + y / 400 + day_of_year;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    Some((i64::from(days) - 719_468) * SECONDS_PER_DAY)
}

pub(super) fn midnight_of(year: i32, month: u32, day: u32) -> Option<i64> {
    midnight(u32::try_from(year).ok()?, month, day)
}

/// Whether a time of day (in seconds) on a date (year, month, day) stands for a clock that was never
/// set: the first day of the calendar of a program, or the last one of any.
pub(super) fn is_unset([year, month, day]: [u32; 3], seconds: i64) -> bool {
    match (year, month, day) {
        (0, 0, 0) | (1 | 1601 | 1900, 1, 1) | (9999, 12, 31) => true,
        // Devices without a battery start their clock here, so later seconds are real.
        (1970, 1, 1) => seconds == 0,
        _ => false,
    }
}

/// As [`is_unset`], of a day by its [`midnight`] and the eight bytes of the time of day.
pub(super) fn is_unset_at(midnight: i64, time: u64) -> bool {
    /// 1900-01-01.
    const CENTURY: i64 = -2_208_988_800;
    midnight == CENTURY || midnight == 0 && time == u64::from_le_bytes(*b"00:00:00")
}

/// Year, month and day of a day counted from 1970-01-01.
pub fn civil_from_days(days: i64) -> (i32, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    ((yoe + era * 400 + i64::from(month <= 2)) as i32, month, day)
}

pub(super) fn month_by_name(line: Line<'_>, at: usize) -> Option<u32> {
    let name = line.u32_at(at) & 0xff_ffff;
    if at + 3 > line.len() {
        return None;
    }
    let (month_name, month) = MONTHS_BY_HASH[month_hash(name)];
    (month_name == name).then_some(month)
}

/// A number below 16 that no two names of months share.
const fn month_hash(name: u32) -> usize {
    (name.wrapping_mul(61) >> 15) as usize & 15
}

/// Names and numbers of months: a search through all of them ends where none can predict.
static MONTHS_BY_HASH: [(u32, u32); 16] = {
    // No name has so many bits.
    let mut months = [(u32::MAX, 0); 16];
    let mut i = 0;
    while i < MONTHS.len() {
        let month = &mut months[month_hash(MONTHS[i])];
        assert!(month.1 == 0);
        *month = (MONTHS[i], i as u32 + 1);
        i += 1;
    }
    months
};
