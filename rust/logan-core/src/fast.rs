//! Switches of the fast paths, for tests and benches.
//!
//! A fast path gives what a slower one, its reference, would give. Which of them a scan may use is a
//! [`FastPaths`], everything unless a test or a bench takes something out: the property tests compare
//! the bytes of summaries with each path switched off (`tests/fast_paths.rs`), and
//! `tests/bench/fast_paths.py` prints what each one buys. A path looks at its switch once per run of
//! lines or batch, or where it would remember something, never once per line. No user can set them.

/// Makes the enum and the list of its members, so that neither can lack one.
macro_rules! fast_paths {
    ($($(#[doc = $doc:literal])+ $path:ident = $name:literal),+ $(,)?) => {
        /// One fast path.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum FastPath {
            $($(#[doc = $doc])+ $path,)+
        }

        impl FastPath {
            /// Every path.
            pub const ALL: &[FastPath] = &[$(FastPath::$path),+];

            /// Its name for tests and benches.
            pub const fn name(self) -> &'static str {
                match self { $(FastPath::$path => $name,)+ }
            }
        }
    };
}

fast_paths! {
    /// Lines of app text in two phases: `format/text/app`.
    AppLines = "app-lines",
    /// Combined access lines straight into columns: `format/access/combined/bulk.rs`.
    CombinedLines = "combined-lines",
    /// Lines of the format `access` between lines of others: `format/access/combined/bare.rs`.
    AccessLines = "access-lines",
    /// JSON lines compared with templates: `format/json/templates`.
    JsonTemplates = "json-templates",
    /// Groups of JSON lines read member by member: `format/json/templates/many.rs`.
    JsonGroups = "json-groups",
    /// Keys of JSON members that were seen in the same place: `format/json`.
    JsonKeys = "json-keys",
    /// Lines of several formats dealt out by first byte: `scan/interleave.rs`.
    Interleave = "interleave",
    /// Formats ruled out by bytes that a line lacks: `format/prefilter.rs`.
    Prefilter = "prefilter",
    /// The last day, minute and zone of timestamps: `time/parser.rs`.
    Timestamps = "timestamps",
    /// Words before response times that were judged before: `format/text/text_duration`.
    DurationContexts = "duration-contexts",
    /// Places of clients by their bytes: `metric/clients.rs`.
    Clients = "clients",
    /// Places of user agents and the like by some of their bytes: `metric/dimensions/memo.rs`.
    Dimensions = "dimensions",
    /// Places of routes by their folded bytes, with AVX-512 VBMI2: `metric/routes/memo.rs`.
    Routes = "routes",
}

/// A set of fast paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FastPaths(u32);

impl FastPaths {
    /// Every path.
    pub const ALL: FastPaths = FastPaths(u32::MAX);
    /// No path: references alone.
    pub const NONE: FastPaths = FastPaths(0);

    /// Whether the path is in the set.
    #[inline(always)]
    pub const fn has(self, path: FastPath) -> bool {
        self.0 >> path as u32 & 1 != 0
    }

    /// The set but for one path.
    pub const fn without(self, path: FastPath) -> FastPaths {
        FastPaths(self.0 & !(1 << path as u32))
    }
}

impl Default for FastPaths {
    fn default() -> FastPaths {
        FastPaths::ALL
    }
}
