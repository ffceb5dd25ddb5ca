//! What an instruction says, part by part: what a fingerprint is made of.

use super::node::{Arguments, Node, Token};

impl Node<'_> {
    /// Calls `visit` with the name and the text of every part of the instruction, in a fixed order.
    ///
    /// Comments, blank lines, the case of the keyword and the blanks between words are no part of
    /// it. Two nodes with the same parts are the same instruction, so that whoever hashes the parts,
    /// each with its length, neither mixes two up nor tells two equal ones apart.
    pub fn parts(&self, visit: &mut impl FnMut(&'static str, &str)) {
        let mut node = self;
        loop {
            let name = node
                .keyword
                .map_or(&*node.word.text, |keyword| keyword.name());
            visit("instruction", name);
            for flag in &node.flags {
                visit("flag", &flag.text);
            }
            match &node.arguments {
                Arguments::Trigger(trigger) => node = trigger,
                arguments => break arguments.parts(visit),
            }
        }
        for heredoc in &self.heredocs {
            visit("heredoc", &heredoc.name);
            visit("descriptor", &heredoc.descriptor.to_string());
            visit("expand", if heredoc.expand { "yes" } else { "no" });
            visit("chomp", if heredoc.chomp { "yes" } else { "no" });
            visit("content", heredoc.content);
        }
    }
}

impl Arguments<'_> {
    fn parts(&self, visit: &mut impl FnMut(&'static str, &str)) {
        let mut words = |name, tokens: &[Token<'_>]| {
            visit(name, "");
            for token in tokens {
                visit("argument", &token.text);
            }
        };
        match self {
            Self::None | Self::Unknown | Self::Trigger(_) => {}
            Self::Text(token) => visit("text", &token.text),
            Self::Words(tokens) => words("words", tokens),
            Self::Json(tokens) => words("json", tokens),
            Self::Pairs(pairs) => {
                for pair in pairs {
                    visit("name", &pair.name.text);
                    visit("value", &pair.value.text);
                }
            }
            Self::Health { kind, command } => {
                visit("type", &kind.text);
                command.parts(visit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lang::dockerfile::parse;

    fn parts(text: &str) -> Vec<(&'static str, String)> {
        let mut parts = Vec::new();
        for node in &parse(text).nodes {
            node.parts(&mut |name, text| parts.push((name, text.to_owned())));
        }
        parts
    }

    #[test]
    fn are_equal_for_equal_instructions() {
        for (one, other) in [
            ("RUN a b", "# c\n\n  run\ta \\\n# d\nb\n"),
            ("COPY a b", "copy   a \\\n  b"),
            ("COPY --from=a b c", "COPY --from='a' b c"),
            ("ENV A=1 B=2", "env A=1 \\\n    B=2"),
            ("ONBUILD RUN a", "onbuild run a"),
            ("RUN <<E\na\nE\n", "run <<E\na\nE"),
        ] {
            assert_eq!(parts(one), parts(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn differ_for_different_instructions() {
        for (one, other) in [
            ("RUN a b", "RUN a  b"),
            ("CMD a", "CMD [\"a\"]"),
            ("COPY a b", "ADD a b"),
            ("COPY a b", "COPY [\"a\", \"b\"]"),
            ("RUN --network=none a", "RUN -- --network=none a"),
            ("RUN <<E\na\nE\n", "RUN <<E\nb\nE\n"),
            ("RUN <<E\na\nE\n", "RUN <<'E'\na\nE\n"),
            ("ENV A=1 B=2", "ENV A=1\nENV B=2"),
            ("ONBUILD CMD a", "CMD a"),
        ] {
            assert_ne!(parts(one), parts(other), "{one:?} {other:?}");
        }
    }
}
