//! What diagnostics can be about: each kind with its code, its severity and its page.

use std::fmt;

use super::Severity;

macro_rules! codes {
    ($($code:ident = $text:literal, $severity:ident;)*) => {
        /// What a diagnostic is about. `docs/diagnostics/<code>.md` explains each; one without a page
        /// does not compile.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the page of each says what it means")]
        pub enum Code {
            $($code,)*
        }

        impl Code {
            /// All there are, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// The code as people read and write it, in kebab case.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)*
                }
            }

            /// How much a diagnostic of this kind weighs.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$code => Severity::$severity,)*
                }
            }

            /// Its place in [`Code::ALL`].
            pub fn index(self) -> usize {
                self as usize
            }

            /// What it means and what to do, in Markdown.
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$code => include_str!(concat!("../../docs/diagnostics/", $text, ".md")),)*
                }
            }
        }
    };
}

codes! {
    // Dockerfiles.
    DockerfileSyntax = "dockerfile-syntax", Error;
    DockerfileStage = "dockerfile-stage", Error;
    NotUtf8 = "not-utf8", Warning;
    NoDockerfile = "no-dockerfile", Error;
    DockerfileLink = "dockerfile-link", Warning;

    // References.
    Cycle = "cycle", Error;
    AmbiguousAlias = "ambiguous-alias", Warning;
    UnmatchedReference = "unmatched-reference", Warning;
    Pinned = "pinned", Warning;
    SharedImage = "shared-image", Warning;
    ForeignSyntax = "foreign-syntax", Warning;
    UnsetVariable = "unset-variable", Warning;
    NameHint = "name-hint", Warning;
    ContextHidesStage = "context-hides-stage", Error;
    RemoteAdd = "remote-add", Warning;
    ExternalTriggers = "external-triggers", Warning;

    // Build contexts.
    MissingSource = "missing-source", Warning;
    CopyPattern = "copy-pattern", Error;
    UnknownSource = "unknown-source", Note;
    GitFolder = "git-folder", Warning;
    IgnoredInput = "ignored-input", Warning;
    GeneratedMissing = "generated-missing", Error;
    SubmoduleMissing = "submodule-missing", Error;
    SubmoduleDirty = "submodule-dirty", Error;
    FilteredInput = "filtered-input", Error;
    LfsMissing = "lfs-missing", Error;
    ConvertedInput = "converted-input", Warning;
    NotCheckedOut = "not-checked-out", Error;
    CaseConflict = "case-conflict", Warning;
    ContextInferred = "context-inferred", Note;
    MissingContext = "missing-context", Error;
    DockerignoreSyntax = "dockerignore-syntax", Error;

    // Names.
    DuplicateName = "duplicate-name", Error;
    IllegalName = "illegal-name", Error;
    LegalName = "legal-name", Note;
    IllegalRepository = "illegal-repository", Error;
    IllegalTag = "illegal-tag", Error;
    DuplicateTag = "duplicate-tag", Error;
    NoName = "no-name", Error;
    UnusedName = "unused-name", Warning;
    UnusedRule = "unused-rule", Warning;
    UnusedExcept = "unused-except", Warning;
    UnknownImage = "unknown-image", Error;

    // Configuration.
    ConfigTemplate = "config-template", Error;
    ConfigMissingKey = "config-missing-key", Error;
    StampCounts = "stamp-counts", Error;
    StampInRun = "stamp-in-run", Warning;
    ConfigSyntax = "config-syntax", Error;
    MissingDockerfile = "missing-dockerfile", Error;
    UnusedPattern = "unused-pattern", Warning;
    ExcludedDockerfile = "excluded-dockerfile", Note;
    DockerfileTemplates = "dockerfile-templates", Warning;
    UnusedBuildArg = "unused-build-arg", Warning;
    ConfigVersion = "config-version", Error;
    ConfigUnknownKey = "config-unknown-key", Error;
    ConfigDuplicateKey = "config-duplicate-key", Error;
    ConfigType = "config-type", Error;
    ConfigValue = "config-value", Error;

    // The lock file.
    LockSyntax = "lock-syntax", Error;
    LockMissing = "lock-missing", Error;
    LockUnused = "lock-unused", Warning;
    LockUnknown = "lock-unknown", Error;
    LockForeign = "lock-foreign", Error;
    LockPlatform = "lock-platform", Error;
    LockGone = "lock-gone", Error;
    LockUnanswered = "lock-unanswered", Error;
    LockDiffers = "lock-differs", Error;
    LockUnchecked = "lock-unchecked", Warning;
    PullLocked = "pull-locked", Error;
    SourcePolicy = "source-policy", Error;
    SourcesNotHeld = "sources-not-held", Warning;

    // Starting configurations.
    UnreadableEvidence = "unreadable-evidence", Warning;
    BuildLeftOut = "build-left-out", Warning;
    ValueLeftOut = "value-left-out", Warning;
    DockerfileLeftOut = "dockerfile-left-out", Warning;
    EvidenceNotRead = "evidence-not-read", Note;
    NoEvidence = "no-evidence", Error;
    EvidenceDiffers = "evidence-differs", Warning;
    ConfigExists = "config-exists", Error;

    // Repositories and revisions.
    NoRepository = "no-repository", Error;
    ForeignRepository = "foreign-repository", Error;
    UnreadableRepository = "unreadable-repository", Error;
    MalformedTree = "malformed-tree", Error;
    NoCommit = "no-commit", Error;
    UnknownRevision = "unknown-revision", Error;
    NoMergeBase = "no-merge-base", Error;
    SinceNotPlanned = "since-not-planned", Warning;
    MissingObject = "missing-object", Error;
    BranchNotUtf8 = "branch-not-utf8", Error;
    NoWorkingTree = "no-working-tree", Error;
    Dirty = "dirty", Error;
    NotCommitted = "not-committed", Error;
    ConfigIgnored = "config-ignored", Error;
    Uncommitted = "uncommitted", Warning;
    NoBranch = "no-branch", Warning;
    KeptTag = "kept-tag", Note;
    OtherRevision = "other-revision", Error;
    ChangedMeanwhile = "changed-meanwhile", Error;

    // Plans.
    BadPlan = "bad-plan", Error;
    BadReport = "bad-report", Error;
    PlanDiffers = "plan-differs", Error;
    PlanDigits = "plan-digits", Error;
    PlanReference = "plan-reference", Error;
    PlanKey = "plan-key", Error;
    PlanDependency = "plan-dependency", Error;

    // Emitted files.
    UnquotableValue = "unquotable-value", Error;
    BakeRemoteContext = "bake-remote-context", Error;
    BakeSeveralReferences = "bake-several-references", Error;
    ReadOtherwise = "read-otherwise", Error;
    Stale = "stale", Error;
    PipelineTooLarge = "pipeline-too-large", Error;
    DirtyJobs = "dirty-jobs", Error;
    Template = "template", Error;

    // Running.
    DockerMissing = "docker-missing", Error;
    BuildxMissing = "buildx-missing", Error;
    EngineUnreachable = "engine-unreachable", Error;
    EngineTooOld = "engine-too-old", Error;
    MultiPlatform = "multi-platform", Error;
    BuilderUnknown = "builder-unknown", Error;
    BuilderElsewhere = "builder-elsewhere", Error;
    BuilderNeedsPush = "builder-needs-push", Error;
    DependencyMissing = "dependency-missing", Error;
    BuildFailed = "build-failed", Error;
    ImageMissing = "image-missing", Error;
    PartMissing = "part-missing", Error;
    PartDiffers = "part-differs", Error;
    JoinFailed = "join-failed", Error;
    PlatformNotPlanned = "platform-not-planned", Error;
    NotPublished = "not-published", Warning;
    TagFailed = "tag-failed", Error;
    PushFailed = "push-failed", Error;
    FetchFailed = "fetch-failed", Error;
    RegistryUnreadable = "registry-unreadable", Warning;
    NotAllowed = "not-allowed", Error;
    BeyondCheckout = "beyond-checkout", Note;
    RegistryNoAnswer = "registry-no-answer", Error;
    PushRefused = "push-refused", Error;
    NotTested = "not-tested", Error;
    NotPlanned = "not-planned", Warning;
    RemoveFailed = "remove-failed", Error;
    DirtyPush = "dirty-push", Error;
    Stopped = "stopped", Error;
    Signals = "signals", Error;

    // Files.
    Unreadable = "unreadable", Error;
    Unwritable = "unwritable", Error;
    LogUnwritable = "log-unwritable", Error;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
