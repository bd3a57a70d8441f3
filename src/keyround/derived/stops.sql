-- Sign-ins of the window that were stopped after the password, and not known to come from a home country.
select s.sign_in_id, s.signed_in_at, s.correlation_id, s.address,
       coalesce(s.account_id, n.account_id, lower(s.username)) as who,
       coalesce(s.account_id, n.account_id) is null as unowned
from sign_ins s left join named n on n.username = case when s.account_id is null then lower(s.username) end
where s.signed_in_at >= $since and s.signed_in_at < $until and s.outcome = 'stopped_after_password'
  and $home_countries::varchar[] is not null and list_contains($home_countries::varchar[], s.country) is not true
