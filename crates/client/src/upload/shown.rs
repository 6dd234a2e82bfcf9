//! Uploads that messages show.

use tidemark_core::{ConversationId, Seq, UploadId};

use crate::{Client, HttpError};

impl Client {
    /// Asks where an upload is that the message at a place shows, and lets the timeline know. For one that was not ready when it
    /// was read: what became of it may have been told while the client was offline.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn ask_upload(
        &self,
        conversation: ConversationId,
        seq: Seq,
        upload: UploadId,
    ) -> Result<(), HttpError> {
        let told = self.http().upload_state(upload).await?;
        self.shared.learn_upload(conversation, seq, told);
        Ok(())
    }
}
