//! Templates: their rows, how often they were used, and what they end with.

use state::Change;
use state::Plan;
use state::repo::RepoError;
use state::template::Snapshot;
use state::template::TemplateRecord;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::GUILD;
use crate::fixtures::NOON;
use crate::fixtures::guild;

fn template(code: &str) -> TemplateRecord {
    TemplateRecord {
        code: code.to_owned(),
        guild: GUILD,
        name: "Harbours".to_owned(),
        description: Some("With ships".to_owned()),
        creator: ANA,
        created_ms: NOON,
        updated_ms: NOON + 1,
        uses: 0,
        snapshot: Snapshot::of(&guild()),
    }
}

pub(crate) async fn a_template_comes_back_counts_its_uses_and_is_removed_once(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    let repo = &repos.templates;
    repo.create(&template("abc")).await.expect("created");
    assert!(matches!(repo.create(&template("abc")).await, Err(RepoError::Exists)));
    assert_eq!(repo.template("abc").await.expect("read"), Some(template("abc")));

    repo.count_use("abc").await.expect("counted");
    let renamed = TemplateRecord { name: "Ports".to_owned(), ..template("abc") };
    repo.update(&renamed).await.expect("updated");

    let expected = TemplateRecord { uses: 1, ..renamed };
    assert_eq!(repo.of_guild(GUILD).await.expect("listed"), [expected]);
    repo.remove("abc").await.expect("removed");
    for gone in [repo.remove("abc").await, repo.count_use("abc").await] {
        assert!(matches!(gone, Err(RepoError::NotFound)), "{gone:?}");
    }
    assert!(matches!(repo.update(&template("abc")).await, Err(RepoError::NotFound)));
    assert_eq!(repo.template("abc").await.expect("read"), None);
}

pub(crate) async fn a_deleted_guild_takes_its_templates_along(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    repos.templates.create(&template("abc")).await.expect("created");

    let plan = Plan { guild: GUILD, version: 1, changes: vec![Change::DeleteGuild] };
    repos.guilds.commit(&plan).await.expect("committed");

    assert_eq!(repos.templates.template("abc").await.expect("read"), None);
}
