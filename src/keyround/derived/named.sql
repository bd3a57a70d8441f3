-- Whom a record without an account's id belongs to: the one account with its user name. Two of one name are nobody.
select lower(username) as username, min(account_id) as account_id
from accounts
where username is not null
group by lower(username)
having count(*) = 1
