-- When each account was last used. The provider's own dates win; where it gives none, a sign-in log that was read whole
-- from $log_since on answers. It knows nothing of the days before its first record, whoever's that is: it may have been
-- switched on then. After a record that could be anybody's, or may have been a success, nobody is known to be unused.
-- Of days that were removed only the month is known: the use was then at its end, and so was the first record.
-- Where the provider measures how mailboxes are used ($measured), its dates know only sign-ins in person: somebody who
-- reads mail on a phone is no stranger to the account, and where the report is silent, nobody is known to be unused.
with uses as (
    select coalesce(s.account_id, n.account_id) as account_id, s.username, s.signed_in_at, s.outcome = 'success' as certain
    from sign_ins s left join named n on s.account_id is null and n.username = lower(s.username)
    where s.signed_in_at >= $log_since and (s.outcome = 'success') is not false
    union all
    select coalesce(m.account_id, n.account_id), m.username, m.ended - to_seconds(1), m.outcome = 'success'
    from sign_in_months m left join named n on m.account_id is null and n.username = m.username
    where m.ended > $log_since and (m.outcome = 'success') is not false
),
own as (
    select account_id, max(signed_in_at) filter (certain) as last_at, max(signed_in_at) filter (certain is null) as doubt_at
    from uses
    where account_id is not null
    group by account_id
),
strays as (
    select max(signed_in_at) as any_at, max(signed_in_at) filter (username is null) as nameless_at
    from uses
    where account_id is null
),
log as (
    select least((select min(signed_in_at) from sign_ins where signed_in_at >= $log_since),
                 (select min(ended) - to_seconds(1) from sign_in_months where ended > $log_since)) as begins
),
mail as (
    select account_id, greatest(mail_at, imap_at, pop_at, single_sign_on_at) as used_at,
           old_mail_known and mail_known as known
    from account_measures
),
answers as (
    select a.*, o.last_at, g.begins, m.used_at, not $measured or coalesce(m.known, false) as complete,
           coalesce(last_success_at, last_noninteractive_at, unused_since) is not null or activity is not null as told,
           greatest(o.doubt_at, case when a.username is null then s.any_at else s.nameless_at end) as doubt_at,
           coalesce(o.last_at, case when a.created_at is not null and g.begins is not null
                                    then greatest(a.created_at, g.begins) end) as idle_since
    from accounts a cross join log g cross join strays s left join own o on o.account_id = a.account_id
    left join mail m on m.account_id = a.account_id
),
judged as (
    select *,
           case when told then unused_since when (doubt_at > idle_since) is not true then idle_since end as idle
    from answers
)
select tenant, account_id,
       case when idle is not null then greatest(idle, used_at) end as unused_since,
       case when told and activity = 'never' and used_at is not null then 'seen'
            when told then activity
            when last_at is not null then 'seen'
            when created_at >= begins and doubt_at is null then 'never'
       end as activity,
       case when told then greatest(last_success_at, last_noninteractive_at) else last_at end as last_use_at,
       case when told then 'provider' when begins is not null then 'audit' end as source,
       complete
from judged
order by all
