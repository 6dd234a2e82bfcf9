//! An authority of a test's own, and certificates for servers on loopback.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use tempfile::TempDir;

/// Longer than any test, shorter than anybody could use it for something else.
const DAYS: &str = "2";
const KEY: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
/// What a certificate that an authority signs is for.
const EXTENSIONS: &str = "basicConstraints = CA:FALSE\n\
     extendedKeyUsage = serverAuth, clientAuth\n\
     subjectAltName = IP:127.0.0.1, DNS:localhost\n";

/// Signs certificates. Its files go away with it.
#[derive(Debug)]
pub struct Authority {
    directory: TempDir,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The file with the certificate.
    pub certificate: PathBuf,
    /// The file with its key.
    pub key: PathBuf,
}

impl Authority {
    /// Makes one that nobody trusts yet.
    ///
    /// # Errors
    ///
    /// When there is no `openssl` or it fails; says what it said.
    pub fn create() -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("tidemark-authority-")?;
        let authority = Self { directory };
        let mut request = openssl(&["req", "-x509", "-nodes", "-days", DAYS]);
        request.args(KEY);
        // Two that have the same name would be taken for each other.
        let name = format!(
            "/CN={}",
            authority
                .directory
                .path()
                .display()
                .to_string()
                .replace('/', ".")
        );
        request.args(["-subj", &name]);
        request.arg("-keyout").arg(authority.file("ca.key"));
        run(request.arg("-out").arg(authority.certificate()))?;
        Ok(authority)
    }

    /// The file with its own certificate: what has to be trusted.
    pub fn certificate(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// Signs a certificate for `127.0.0.1` and `localhost`, with files that are called `name`.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn issue(&self, name: &str) -> anyhow::Result<Issued> {
        let issued = Issued {
            certificate: self.file(&format!("{name}.pem")),
            key: self.file(&format!("{name}.key")),
        };
        let request = self.file(&format!("{name}.request"));
        let extensions = self.file("extensions");
        std::fs::write(&extensions, EXTENSIONS)?;
        let mut ask = openssl(&["req", "-nodes", "-subj", "/CN=localhost"]);
        ask.args(KEY).arg("-keyout").arg(&issued.key);
        run(ask.arg("-out").arg(&request))?;
        let mut sign = openssl(&["x509", "-req", "-days", DAYS, "-CAcreateserial"]);
        sign.arg("-in").arg(&request);
        sign.arg("-CA").arg(self.certificate());
        sign.arg("-CAkey").arg(self.file("ca.key"));
        sign.arg("-extfile").arg(&extensions);
        run(sign.arg("-out").arg(&issued.certificate))?;
        Ok(issued)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn openssl<A: AsRef<OsStr>>(arguments: &[A]) -> Command {
    let mut command = Command::new(Path::new("openssl"));
    command.args(arguments);
    command
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().context("cannot run openssl")?;
    if !output.status.success() {
        bail!("openssl: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_signed_by(issued: &Issued, authority: &Authority) -> bool {
        let mut verify = openssl(&["verify", "-CAfile"]);
        verify.arg(authority.certificate());
        run(verify.arg(&issued.certificate)).is_ok()
    }

    #[test]
    fn a_certificate_is_that_of_its_authority_and_of_no_other() {
        let (one, other) = (Authority::create().unwrap(), Authority::create().unwrap());
        let issued = one.issue("server").unwrap();
        assert!(is_signed_by(&issued, &one));
        assert!(!is_signed_by(&issued, &other));
    }
}
