//! A value, perhaps, and what there is to say of it.

use super::Diagnostics;

/// What a run gives: a value, unless one of the diagnostics is an error, and the diagnostics.
#[derive(Debug, Clone)]
#[must_use]
pub struct Outcome<T> {
    value: Option<T>,
    diagnostics: Diagnostics,
}

impl<T> Outcome<T> {
    /// Runs a function that collects what there is to say as it goes, and may stop with more. A value
    /// that comes with an error is dropped.
    pub(crate) fn of(run: impl FnOnce(&mut Diagnostics) -> Result<T, Diagnostics>) -> Self {
        let mut diagnostics = Diagnostics::new();
        let value = match run(&mut diagnostics) {
            Ok(value) if !diagnostics.has_errors() => Some(value),
            Ok(_) => None,
            Err(problems) => {
                diagnostics.extend(problems);
                None
            }
        };
        Self { value, diagnostics }
    }

    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        self.value
    }

    /// What there is to say, whether or not there is a value.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// The value with its remarks.
    ///
    /// # Errors
    /// All that there is to say, where there is no value.
    pub fn into_result(self) -> Result<(T, Diagnostics), Diagnostics> {
        match self.value {
            Some(value) => Ok((value, self.diagnostics)),
            None => Err(self.diagnostics),
        }
    }

    /// The value, once its remarks are added to others.
    ///
    /// # Errors
    /// All that there is to say, where there is no value.
    pub(crate) fn remarked(self, remarks: &mut Diagnostics) -> Result<T, Diagnostics> {
        let (value, own) = self.into_result()?;
        remarks.extend(own);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Code, Diagnostic};

    #[test]
    fn a_value_is_there_unless_an_error_is() {
        #[track_caller]
        fn check(remark: Option<Code>, result: Result<(), Code>, value: bool, said: usize) {
            let outcome = Outcome::of(|remarks| {
                remarks.extend(remark.map(|code| Diagnostic::new(code, "a remark")));
                result.map_err(|code| Diagnostic::new(code, "it stops").into())
            });
            assert_eq!(outcome.diagnostics().iter().count(), said);
            assert_eq!(outcome.value().is_some(), value);
        }
        check(None, Ok(()), true, 0);
        check(Some(Code::Pinned), Ok(()), true, 1);
        check(Some(Code::Cycle), Ok(()), false, 1);
        check(Some(Code::Pinned), Err(Code::Cycle), false, 2);
    }
}
