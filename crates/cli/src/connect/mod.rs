//! How commands that talk to a server find it and say on whose behalf.

mod credentials;
mod offline;
mod refusals;

use std::env;

use tidemark_client::{ClientOptions, Http, HttpError, ServerUrl};
use tidemark_protocol::Code;
use tidemark_protocol::body::{self, NewAccount, SignIn, SignedIn};
use tidemark_protocol::wire::Secret;

use crate::failure::{Failure, FailureKind};
use crate::{output, terminal};
use credentials::{Credentials, Kept};
pub(crate) use offline::stopped;

const TOKEN_VARIABLE: &str = "TIDEMARK_TOKEN";
const PASSWORD_VARIABLE: &str = "TIDEMARK_PASSWORD";
/// What the list of a user's sessions shows.
const DEVICE_NAME: &str = "tidemark command line";
const HEADING: &str = "Connection";

const USERNAME_HELP: &str = "\
Sign in with a password as this user

On whose behalf a command acts is settled by the first of these that there is:

1. --username: with the token that was kept when NAME signed in before; if there is none, or it is not accepted any \
more, with the password in TIDEMARK_PASSWORD, or one that is asked for. The new token is kept, and there is an offer \
to register if nobody has this name.

2. TIDEMARK_TOKEN: a session token, or a JWT of your application.

3. Whoever --username named last at this server.

Tokens are kept in tidemark/credentials.json in $XDG_CONFIG_HOME or ~/.config, which only you can read.";

/// Which server, and as whom.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ConnectArguments {
    /// Where the server is
    #[arg(
        long, env = "TIDEMARK_URL", value_name = "URL", default_value = "http://127.0.0.1:8080",
        value_parser = ServerUrl::parse, help_heading = HEADING
    )]
    url: ServerUrl,
    /// Sign in with a password as this user
    #[arg(long, value_name = "NAME", help_heading = HEADING, long_help = USERNAME_HELP)]
    username: Option<String>,
}

/// A server that has let us in.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) url: ServerUrl,
    pub(crate) token: Secret,
    /// Calls on behalf of `user`.
    pub(crate) http: Http,
    pub(crate) user: body::User,
}

impl Login {
    /// For a [`Client`](tidemark_client::Client) of the same user.
    pub(crate) fn client_options(&self) -> ClientOptions {
        ClientOptions {
            device: Some(DEVICE_NAME.to_owned()),
            ..ClientOptions::new(self.url.clone(), self.token.clone())
        }
    }
}

impl ConnectArguments {
    /// Finds out on whose behalf we act, asking at the terminal if need be, and whether the server agrees.
    ///
    /// # Errors
    ///
    /// With what to do about it, when the server cannot be reached or does not let us in.
    pub(crate) async fn sign_in(&self) -> Result<Login, Failure> {
        if let Some(username) = &self.username {
            let kept = Credentials::of_person()?.find(&self.url, Some(username))?;
            return match kept {
                Some(kept) => self.with_kept(kept, true).await,
                None => self.with_password(username).await,
            };
        }
        if let Some(token) = secret_in(TOKEN_VARIABLE)? {
            let login = self.with_token(token).await?;
            return login.ok_or_else(|| {
                unauthorized(format!("{} does not accept {TOKEN_VARIABLE}", self.url))
            });
        }
        match Credentials::of_person()?.find(&self.url, None)? {
            Some(kept) => self.with_kept(kept, false).await,
            None => Err(unauthorized(format!(
                "nobody has signed in at {} yet: use --username NAME, or set {TOKEN_VARIABLE}",
                self.url
            ))),
        }
    }

    async fn with_kept(&self, kept: Kept, is_named: bool) -> Result<Login, Failure> {
        if let Some(login) = self.with_token(kept.token).await? {
            if is_named {
                self.keep(&login);
            }
            return Ok(login);
        }
        if is_named || terminal::is_attended() {
            return self.with_password(&kept.username).await;
        }
        let name = &kept.username;
        Err(unauthorized(format!(
            "{} has signed {name} out: sign in again with --username {name}",
            self.url
        )))
    }

    /// What `token` lets us do; nothing if it is not accepted.
    async fn with_token(&self, token: Secret) -> Result<Option<Login>, Failure> {
        let http = Http::new(self.url.clone(), Some(token.clone()))?;
        match http.me().await {
            Ok(user) => Ok(Some(Login {
                url: self.url.clone(),
                token,
                http,
                user,
            })),
            Err(HttpError::Refused {
                code: Code::Unauthorized,
                ..
            }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn with_password(&self, username: &str) -> Result<Login, Failure> {
        let http = Http::new(self.url.clone(), None)?;
        let set = secret_in(PASSWORD_VARIABLE)?;
        let is_asked = set.is_none();
        if is_asked && !terminal::is_attended() {
            return Err(unauthorized(format!(
                "there is no terminal to ask for the password of {username}: set {PASSWORD_VARIABLE}"
            )));
        }
        let password = match set {
            Some(password) => password,
            None => terminal::ask_password(&format!("Password of {username}: "))?,
        };
        let credentials = SignIn {
            username: username.to_owned(),
            password: password.clone(),
            device_name: Some(DEVICE_NAME.to_owned()),
        };
        match http.sign_in(&credentials).await {
            Ok(signed_in) => Ok(self.signed_in(&http, signed_in)),
            Err(HttpError::Refused {
                code: Code::Unauthorized,
                ..
            }) if is_asked => self.offer_registration(&http, username, password).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The server does not say whether the name or the password is wrong, so the person has to.
    async fn offer_registration(
        &self,
        http: &Http,
        username: &str,
        password: Secret,
    ) -> Result<Login, Failure> {
        let wrong = || unauthorized("the username or the password is wrong");
        let question =
            format!("Nobody has this name and password. Register {username} as a new user?");
        if !terminal::confirm(&question)? {
            return Err(wrong());
        }
        if terminal::ask_password("The password again: ")? != password {
            return Err(unauthorized(
                "the passwords are not the same; nobody is registered",
            ));
        }
        let account = NewAccount {
            username: username.to_owned(),
            password,
            display_name: None,
        };
        match http.register(&account).await {
            Ok(signed_in) => Ok(self.signed_in(http, signed_in)),
            Err(HttpError::Refused {
                code: Code::Conflict,
                ..
            }) => Err(unauthorized(format!(
                "{username} is registered already, with another password"
            ))),
            Err(error) => Err(error.into()),
        }
    }

    fn signed_in(&self, http: &Http, signed_in: SignedIn) -> Login {
        let SignedIn { user, token, .. } = signed_in;
        let login = Login {
            url: self.url.clone(),
            http: http.with_token(token.clone()),
            token,
            user,
        };
        self.keep(&login);
        login
    }

    /// Keeps the token for commands that name nobody. If it cannot be kept, this one works all the same.
    fn keep(&self, login: &Login) {
        let kept = Kept {
            username: login.user.username.clone(),
            token: login.token.clone(),
        };
        let keeping = Credentials::of_person().and_then(|it| it.keep(&self.url, kept));
        if let Err(failure) = keeping {
            output::error(format_args!("the sign-in is not kept: {failure}"));
        }
    }
}

/// A secret that an environment variable holds; an empty one counts as none.
pub(crate) fn secret_in(variable: &str) -> Result<Option<Secret>, Failure> {
    match env::var(variable) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(Secret::new(text))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::new(
            FailureKind::Usage,
            format!("{variable} is not UTF-8"),
        )),
    }
}

fn unauthorized(sentence: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Unauthorized, sentence)
}
