//! Objects of a report, made of values that move.

/// A JSON object of these members, in this order.
///
/// `json!` serializes every expression that it is given, so that a table with thousands of rows is
/// copied whole at each level that it is put into. Here a value becomes a part of the object.
macro_rules! object {
    ($($name:literal : $value:expr),+ $(,)?) => {{
        let mut members = serde_json::Map::with_capacity([$($name),+].len());
        $(members.insert($name.to_owned(), serde_json::Value::from($value));)+
        serde_json::Value::Object(members)
    }};
}
pub(crate) use object;
